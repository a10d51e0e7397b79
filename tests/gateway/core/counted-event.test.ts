/** What each kind of event is counted as. */
import { expect, test } from "vitest";
import { EventKind, type EventData } from "#contract/event.ts";
import { COUNTED } from "#contract/metrics.ts";
import { countedAs } from "../../../gateway/core/counted-event.ts";

const check = (kind: EventKind, data: EventData, expected: string[], isRepeat?: boolean): void =>
  expect(countedAs({ kind, data, atMs: 1, ...(isRepeat !== undefined && { isRepeat }) })).toEqual(expected);

test("most kinds are counted as themselves, doubt as delay, and what is not yet anything not at all", () => {
  for (const kind of ["sent", "delivered", "delivery_delayed", "failed", "canceled", "suppressed"] as const)
    check(kind, {}, [kind]);
  for (const kind of ["unsubscribed", "complained"] as const) check(kind, {}, [kind]);
  check("unknown", {}, ["delivery_delayed"]);
  for (const kind of ["queued", "scheduled"] as const) check(kind, {}, []);
});

test("a bounce is counted by its kind as well", () => {
  const bounce = { subType: "General", message: "no", diagnosticCode: [] };
  check("bounced", { bounce: { type: "Permanent", ...bounce } }, ["bounced", "bounced_permanent"]);
  check("bounced", { bounce: { type: "Transient", ...bounce } }, ["bounced", "bounced_transient"]);
  check("bounced", { bounce: { type: "Undetermined", ...bounce } }, ["bounced", "bounced_undetermined"]);
  check("bounced", {}, ["bounced", "bounced_undetermined"]);
});

test("opens and clicks: a recipient's first twice, machines never", () => {
  const visit = { user_agent: "x" };
  check("opened", { visit }, ["opened", "unique_opened"]);
  check("opened", { visit }, ["opened"], true);
  check("clicked", { visit }, ["clicked", "unique_clicked"], false);
  check("clicked", { visit: { ...visit, bot: "prefetch" } }, []);
});

test("every name is counted by some event", () => {
  const types = ["Permanent", "Transient", "Undetermined"] as const;
  const bounces = types.map((type): EventData => ({ bounce: { type, subType: "", message: "", diagnosticCode: [] } }));
  const names = EventKind.options.flatMap((kind) => bounces.flatMap((data) => countedAs({ kind, data, atMs: 1 })));
  expect(new Set(names)).toEqual(new Set(COUNTED));
});
