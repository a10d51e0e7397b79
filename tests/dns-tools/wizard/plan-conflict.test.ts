/** A plan that would break what the owner has, on the pages: told, with no way to publish it, by form or by hand. */
import { expect, test } from "vitest";
import type { RecordedZone } from "../../../dns-tools/resolvers/recorded.ts";
import type { Outcome } from "../../../dns-tools/wizard/publish-page.ts";
import { ANSWERS, BARE, markOn, page, post, wizardOver } from "./scene.ts";

const TAKEN: RecordedZone = {
  ...BARE,
  "send.d.test": { MX: [{ preference: 5, exchange: "mail.d.test" }], TXT: ["v=spf1 include:gone.test -all"] },
};
const DEAD: RecordedZone = { ...BARE, "send.d.test": { TXT: ["v=spf1 mx include:gone.test -all"] } };

test("the page says what stands and what to do instead, and offers no way to publish", async () => {
  const html = await page(TAKEN, `/plan?${ANSWERS}`);
  expect(html).toContain("2 records cannot be published without breaking what stands.");
  expect(html).toMatch(/conflict<\/strong>\s*<code class="subject">send\.d\.test<\/code> MX/);
  expect(html).toContain("Choose a return-path that nothing else uses, such as bounce.d.test.");
  expect(html).toMatch(/stays<\/strong> MX\s*<code>mail\.d\.test<\/code>/);
  expect(html).not.toMatch(/Publish it|action="[^"]*\/publish|\/domain-connect\?|\/export\//);
});

test("a form that is sent all the same is refused", async () => {
  // The mark is of the edits, and those at other names are the same where nothing is in conflict.
  const right: RecordedZone = {
    ...BARE,
    "send.d.test": {
      MX: [{ preference: 10, exchange: "bounce.relay.test" }],
      TXT: ["v=spf1 include:spf.relay.test ~all"],
    },
  };
  let sent = 0;
  const update = (): Promise<Outcome> => {
    sent += 1;
    return Promise.resolve({ kind: "done", text: "sent" });
  };
  const plan = await markOn(wizardOver(right));
  for (const [zone, status, sendings] of [
    [TAKEN, 400, 0],
    [right, 200, 1],
  ] as const) {
    const response = await post(wizardOver(zone, { update }), `/publish/update?${ANSWERS}`, { plan });
    expect(response.status).toBe(status);
    expect(sent).toBe(sendings);
  }
});

test("what stays broken beside a change is told with it", async () => {
  const html = await page(DEAD, `/plan?${ANSWERS}`);
  expect(html).toMatch(/warn<\/strong>\s*`include:gone\.test` points to a name with no SPF record/);
  expect(html).toContain("Publish it");
});
