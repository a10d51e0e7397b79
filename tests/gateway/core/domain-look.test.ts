/** Looks at a domain, one after the other: what each changes, and when the next is due. */
import { expect, test } from "vitest";
import type { DomainStatus } from "#contract/domain.ts";
import { type LookedAt, type LookedAtRecord, SECOND_LOOK_MS, settleLook } from "../../../gateway/core/domain-look.ts";
import type { SeenStatus } from "../../../gateway/core/record-status.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START_MS = 1_790_000_000_000;

const SEEN: Record<string, SeenStatus> = { v: "verified", p: "pending", f: "failed", t: "temporary_failure" };
const LETTER: Record<LookedAtRecord["status"], string> = {
  verified: "v",
  pending: "p",
  failed: "f",
  temporary_failure: "t",
  not_started: "n",
};

const record = (needed: boolean, isWhole: boolean): LookedAtRecord => ({
  status: isWhole ? "verified" : "pending",
  needed,
  proved: isWhole,
});

/** Two records that are needed and one that is not. */
const domain = (isWhole: boolean): LookedAt<LookedAtRecord> => ({
  k: START_MS * 1024,
  status: isWhole ? "verified" : "pending",
  wasWhole: isWhole,
  records: [record(true, isWhole), record(true, isWhole), record(false, isWhole)],
});

/** Looks, each: minutes from the start, what is seen of the records, and what is known after it. `!`: somebody asked. */
type Look = [minute: number, seen: string, status: DomainStatus, records: string];

const follow = (start: LookedAt<LookedAtRecord>, looks: readonly Look[]): void => {
  let at = start;
  for (const [minute, letters, status, records] of looks) {
    const seen = letters
      .replace("!", "")
      .split("")
      .map((letter) => SEEN[letter] ?? "temporary_failure");
    const next = settleLook(at, seen, { nowMs: START_MS + minute * MINUTE_MS, isAsked: letters.endsWith("!") });
    const after = next.records.map((each) => LETTER[each.status]).join("");
    expect([minute, letters, next.status, after]).toEqual([minute, letters, status, records]);
    at = { k: at.k, ...next };
  }
};

const check = (title: string, isWhole: boolean, ...looks: Look[]): void => {
  test(title, () => follow(domain(isWhole), looks));
};

check(
  "a new domain is believed at once, in both ways",
  false,
  [0, "vpp!", "partially_verified", "vpp"],
  [1, "vfp!", "failed", "vfp"],
  [2, "vvp!", "verified", "vvp"],
);
check(
  "a break is believed at the second look",
  true,
  [0, "vfv", "verified", "vvv"],
  [5, "vfv", "partially_failed", "vfv"],
);
check(
  "what is gone of a whole domain has failed",
  true,
  [0, "ppp", "verified", "vvv"],
  [5, "ppp", "failed", "fff"],
  [9, "ppp", "failed", "fff"],
);
check(
  "a second look too soon is none",
  true,
  [0, "vfv", "verified", "vvv"],
  [4.9, "vfv!", "verified", "vvv"],
  [5, "vfv!", "partially_failed", "vfv"],
);
check(
  "what came back in between was no break",
  true,
  [0, "vfv", "verified", "vvv"],
  [5, "vvv", "verified", "vvv"],
  [6, "vfv", "verified", "vvv"],
  [10, "vfv", "verified", "vvv"],
  [11, "vfv", "partially_failed", "vfv"],
);
check(
  "what could not be found out changes nothing",
  true,
  [0, "ttt", "verified", "vvv"],
  [60, "ttt", "verified", "vvv"],
  [120, "ttt", "verified", "vvv"],
);
check(
  "nor does it take a doubt away, or confirm one",
  true,
  [0, "vfv", "verified", "vvv"],
  [5, "ttt", "verified", "vvv"],
  [65, "vfv", "partially_failed", "vfv"],
);
check(
  "who asks is told that it could not be found out",
  true,
  [0, "ttv!", "verified", "ttv"],
  [1, "vvv", "verified", "vvv"],
);
check(
  "each record has its own second look",
  true,
  [0, "fvv", "verified", "vvv"],
  [5, "ffv", "partially_failed", "fvv"],
  [10, "ffv", "failed", "ffv"],
);
check(
  "what is mended is believed at once",
  true,
  [0, "fvv", "verified", "vvv"],
  [5, "fvv", "partially_failed", "fvv"],
  [6, "vvv", "verified", "vvv"],
);
check(
  "a record that is not needed breaks without the domain",
  true,
  [0, "vvf", "verified", "vvv"],
  [5, "vvf", "verified", "vvf"],
);
check(
  "one that was never there goes on being awaited",
  false,
  [0, "vvp!", "verified", "vvp"],
  [5, "vvp", "verified", "vvp"],
);

test("a key is taken for gone when its break is believed, not before", () => {
  const first = settleLook(domain(true), ["verified", "failed", "verified"], { nowMs: START_MS, isAsked: false });
  expect(first.records[1]).toMatchObject({ proved: true, doubted_ms: START_MS });
  const nowMs = START_MS + SECOND_LOOK_MS;
  const second = settleLook({ k: 1, ...first }, ["verified", "failed", "verified"], { nowMs, isAsked: false });
  expect(second.records[1]).toMatchObject({ proved: false, doubted_ms: undefined });
});

const pauseMs = (start: LookedAt<LookedAtRecord>, letters: string): number | undefined => {
  const seen = letters.split("").map((letter) => SEEN[letter] ?? "temporary_failure");
  const { lookMs } = settleLook(start, seen, { nowMs: START_MS, isAsked: false });
  return lookMs === undefined ? undefined : lookMs - START_MS;
};

test("when to look again: about a day, an hour after a failure, minutes in doubt; never while it is new", () => {
  expect(pauseMs(domain(false), "vfp")).toBeUndefined();
  expect(pauseMs(domain(true), "vfv")).toBe(SECOND_LOOK_MS);
  expect(pauseMs(domain(true), "tfv")).toBe(SECOND_LOOK_MS);
  expect(pauseMs(domain(true), "vtv")).toBe(HOUR_MS);
  const day = pauseMs(domain(true), "vvv") ?? 0;
  expect(Math.abs(day - DAY_MS)).toBeLessThanOrEqual(DAY_MS / 8);
  // A resolver that fails from the first doubt on is not asked every few minutes.
  const doubted = settleLook(domain(true), ["verified", "failed", "verified"], { nowMs: START_MS, isAsked: false });
  expect(pauseMs({ k: 1, ...doubted }, "vtv")).toBe(HOUR_MS);
});

test("a thousand domains of one minute are spread over hours, each at a whole millisecond", () => {
  const pauses = Array.from(
    { length: 1000 },
    (_, at) => pauseMs({ ...domain(true), k: (START_MS + at * 60) * 1024 }, "vvv") ?? 0,
  );
  const perHour = Map.groupBy(pauses, (ms) => Math.floor(ms / HOUR_MS));
  expect(perHour.size).toBeGreaterThanOrEqual(6);
  for (const ofHour of perHour.values()) expect(ofHour.length).toBeLessThan(300);
  expect(pauses.every((ms) => Number.isInteger(ms))).toBe(true);
});
