/**
 * What reports say of each source, by tables: who it is, why its mail fails, what is to be mended, and the next stage.
 */
import { expect, test } from "vitest";
import type { Cause } from "../../../dns-tools/lib/dmarc-report-cause.ts";
import { summarizeReports, type DomainSummary } from "../../../dns-tools/lib/dmarc-report-summary.ts";
import type { AggregateReport, PublishedPolicy, ReportRecord } from "../../../dns-tools/lib/dmarc-report.ts";
import { SOME_SUFFIXES } from "../support/some-suffixes.ts";
import { record, report } from "../reports/sample-report.ts";

const RELAXED: PublishedPolicy = { domain: "example.com", policy: "none", adkim: "r", aspf: "r", testing: false };
const DAY_SECONDS = 86_400;

const summary = (...reports: AggregateReport[]): DomainSummary => {
  const [first] = summarizeReports(reports, SOME_SUFFIXES);
  if (first === undefined) throw new Error("no report");
  return first;
};
const pass = (domain: string): ReportRecord["dkimResults"] => [{ domain, selector: "s1", result: "pass" }];
const spf = (domain: string, result: "pass" | "softfail" = "pass"): ReportRecord["spfResults"] => [
  { domain, scope: "mfrom", result },
];
const OWN = record({
  dkim: "pass",
  spf: "pass",
  dkimResults: pass("example.com"),
  spfResults: spf("send.example.com"),
});

const check = (some: Partial<ReportRecord>, cause: Cause, sender: string, says: RegExp): void => {
  const { sources } = summary(report([record(some)]));
  const [source, ...others] = sources;
  expect(others).toEqual([]);
  expect(source?.verdict.code).toBe(`report.${cause}`);
  expect(source?.sender.name).toBe(sender);
  expect(source?.verdict.text).toMatch(says);
};

test("why mail passes", () => {
  check(OWN, "aligned", "example.com", /Nothing to change/);
  check({ dkim: "pass", dkimResults: pass("mail.example.com") }, "aligned", "mail.example.com", /signed for/);
  check({ spf: "pass", spfResults: spf("example.com") }, "spf-only", "192.0.2.1", /Turn on DKIM for `example.com`/);
  // Plain forwarding: the signature holds, and who vouches for the return-path is somebody else.
  check(
    { dkim: "pass", dkimResults: pass("example.com"), spfResults: spf("srs.forwarder.example") },
    "aligned",
    "forwarder.example",
    /so DMARC passes/,
  );
});

test("why mail fails", () => {
  const esp = { dkimResults: pass("k.esp.example"), spfResults: spf("bounce.esp.example") };
  check(
    esp,
    "dkim-elsewhere",
    "esp.example",
    /DKIM passes for `k.esp.example`, but is not aligned with `example.com`.*turn on DKIM for `example.com` there/,
  );
  check(
    { spfResults: spf("bounce.esp.example") },
    "spf-elsewhere",
    "esp.example",
    /SPF passes for the return-path `bounce.esp.example`/,
  );
  check(
    { spfResults: spf("example.com", "softfail") },
    "unauthenticated",
    "192.0.2.1",
    /forged, or a sender of yours that was forgotten/,
  );
  check({}, "unauthenticated", "192.0.2.1", /1 message from here/);
  const broken = [{ domain: "example.com", result: "fail" as const }];
  check({ dkimResults: broken }, "dkim-broken", "192.0.2.1", /compare its key/);
  check({ dkimResults: broken, spfResults: spf("list.example.net") }, "changed", "example.net", /no longer verifies/);
  // A signature of another organization that fails says nothing.
  check(
    { dkimResults: [{ domain: "esp.example", result: "fail" }] },
    "unauthenticated",
    "192.0.2.1",
    /not authenticated/,
  );
  // Under a registry's second level, others are others.
  check(
    { headerFrom: "a.co.uk", dkimResults: pass("b.co.uk") },
    "dkim-elsewhere",
    "b.co.uk",
    /not aligned with `a.co.uk`/,
  );
});

test("another name of the same organization, where it is not taken for aligned", () => {
  check(
    { dkimResults: pass("mail.example.com") },
    "other-name",
    "mail.example.com",
    /`mail.example.com`.*take `adkim=s`/,
  );
  check(
    { spfResults: spf("send.example.com") },
    "other-name",
    "192.0.2.1",
    /`send.example.com`.*Sign with `d=example.com`/,
  );
  // A receiver that contradicts itself: no other name is to blame.
  check({ spfResults: spf("example.com") }, "unauthenticated", "192.0.2.1", /DMARC fails/);
});

test("what receivers let in all the same", () => {
  const by = (type: string, comment?: string): Partial<ReportRecord> => ({
    reasons: [{ type, ...(comment !== undefined && { comment }) }],
  });
  check(by("trusted_forwarder"), "forwarded", "192.0.2.1", /`trusted_forwarder`/);
  check(by("mailing_list"), "forwarded", "192.0.2.1", /mailing list/);
  check(by("forwarded"), "forwarded", "192.0.2.1", /forwarder/);
  check(by("local_policy", "arc=pass as.1.google.com"), "forwarded", "192.0.2.1", /arc=pass/);
  check(by("local_policy", "noarc=passive"), "unauthenticated", "192.0.2.1", /not authenticated/);
  check(by("sampled_out"), "unauthenticated", "192.0.2.1", /not authenticated/);
});

test("a source is added up over records and reports, and judged by what fails most", () => {
  const esp = (messages: number, some: Partial<ReportRecord>): ReportRecord =>
    record({ messages, dkimResults: pass("esp.example"), ...some });
  const { sources, messages, passed, reports, doubles } = summary(
    report([
      esp(90, { sourceIp: "192.0.2.7", dkim: "pass", dkimResults: [...pass("esp.example"), ...pass("example.com")] }),
    ]),
    report([esp(10, { disposition: "quarantine" }), esp(1, { disposition: "reject" })], { reportId: "r2" }),
    report([esp(10, { disposition: "quarantine" })], { reportId: "r2" }),
  );
  // The double counts once: which of the two does not matter, for they are the same in truth.
  expect({ messages, passed, reports, doubles }).toEqual({ messages: 100, passed: 90, reports: 2, doubles: 1 });
  expect(sources).toMatchObject([
    {
      sender: { kind: "domain", name: "esp.example" },
      messages: 100,
      passed: 90,
      dispositions: { delivered: 90, quarantined: 10, rejected: 0 },
      addresses: { count: 2, first: ["192.0.2.7", "192.0.2.1"] },
      verdict: { code: "report.dkim-elsewhere", status: "fail" },
    },
  ]);
  expect(sources[0]?.verdict.text).toMatch(/^10 of 100 messages/);
});

test("what can be mended comes first, then strangers, then what passes; the largest loss before others", () => {
  const { sources } = summary(
    report([
      record({ ...OWN, messages: 1_000 }),
      record({ sourceIp: "192.0.2.66", messages: 50 }),
      record({ sourceIp: "192.0.2.67", messages: 70 }),
      record({ dkimResults: pass("small.example") }),
      record({ dkimResults: pass("large.example"), messages: 9 }),
    ]),
  );
  expect(sources.map(({ sender }) => sender.name)).toEqual([
    "large.example",
    "small.example",
    "192.0.2.67",
    "192.0.2.66",
    "example.com",
  ]);
});

test("what is listed is bounded, and counted", () => {
  const records = Array.from({ length: 500 }, (_, at) =>
    record({ ...OWN, sourceIp: `10.0.${Math.floor(at / 250)}.${at % 250}` }),
  );
  const [source] = summary(report(records)).sources;
  expect(source?.addresses.count).toBe(500);
  expect(source?.addresses.first).toHaveLength(10);
});

test("domains stay apart; the newest report says what the policy is", () => {
  const other = { domain: "other.test", policy: "none", adkim: "r", aspf: "r", testing: false } as const;
  const domains = summarizeReports(
    [
      report([OWN], { reportId: "a", published: other }),
      report([OWN, OWN], { reportId: "b", endSeconds: 1_795_000_000, published: { ...RELAXED, policy: "reject" } }),
      report([OWN], { reportId: "c" }),
      report([], { reportId: "", organization: "x" }),
      report([], { reportId: "", organization: "x", endSeconds: 1_793_600_000 }),
    ],
    SOME_SUFFIXES,
  );
  expect(
    domains.map(({ domain, messages, reports, published }) => [domain, messages, reports, published.policy]),
  ).toEqual([
    ["example.com", 3, 4, "reject"],
    ["other.test", 1, 1, "none"],
  ]);
  expect(summarizeReports([], SOME_SUFFIXES)).toEqual([]);
});

test("the next stage", () => {
  const after = (
    days: number,
    records: readonly ReportRecord[],
    published: Partial<PublishedPolicy> = {},
  ): DomainSummary["readiness"] => {
    const beginSeconds = 1_793_491_200;
    const endSeconds = beginSeconds + days * DAY_SECONDS - 1;
    return summary(report(records, { beginSeconds, endSeconds, published: { ...RELAXED, ...published } })).readiness;
  };
  const good = record({ ...OWN, messages: 1_000 });
  const lost = (messages: number): ReportRecord => record({ messages, dkimResults: pass("esp.example") });
  const stranger = record({ messages: 600 });
  expect(after(14, [good])).toMatchObject({
    word: "ready",
    next: "quarantine",
    days: 14,
    text: expect.stringMatching(/100%.*Nothing would be lost/),
  });
  expect(after(14, [good], { policy: "quarantine" })).toMatchObject({ word: "ready", next: "reject" });
  expect(after(14, [good], { policy: "reject" })).toMatchObject({ word: "done" });
  expect(after(14, [good], { policy: "reject", testing: true })).toMatchObject({
    word: "ready",
    next: "reject",
    text: expect.stringMatching(/take `t=y` out/),
  });
  expect(after(13, [good])).toMatchObject({ word: "too-early", days: 13 });
  expect(after(1, [good])).toMatchObject({ text: expect.stringMatching(/in 1 day\./) });
  expect(after(14, [good, lost(5)])).toMatchObject({
    word: "ready",
    text: expect.stringMatching(/5 would be lost, 0 of them/),
  });
  expect(after(14, [good, lost(6)])).toMatchObject({
    word: "not-yet",
    text: expect.stringMatching(/mend the senders/),
  });
  // Strangers are told, not counted against: the policy is made for them.
  expect(after(14, [good, stranger])).toMatchObject({
    word: "ready",
    text: expect.stringMatching(/600 would be lost, 600 of them/),
  });
  expect(after(14, [stranger])).toMatchObject({ word: "not-yet" });
  expect(after(14, [])).toMatchObject({ word: "unknown", messages: 0, text: expect.stringMatching(/has no mail/) });
  // Rounded down: what is not all is not 100%.
  expect(after(14, [record({ ...OWN, messages: 1_000_000 }), record()])).toMatchObject({
    text: expect.stringMatching(/99\.9%/),
  });
});

test("records that were left out are not counted as good", () => {
  const [good, bad] = [record({ ...OWN, messages: 1_000 }), record()];
  const readinessOf = (records: readonly ReportRecord[], leftOut: number, policy: PublishedPolicy["policy"] = "none") =>
    summary(report(records, { leftOut, published: { ...RELAXED, policy } })).readiness;
  for (const policy of ["none", "reject"] as const)
    expect(readinessOf([], 1, policy)).toMatchObject({
      word: "unknown",
      text: "What was reported has 1 record, and none could be understood: nothing can be said. Wait for other reports.",
    });
  expect(readinessOf([good], 2).text).toMatch(/Nothing of that would be lost\. 2 records could not be understood/);
  expect(readinessOf([good, bad], 2).text).toMatch(/1 would be lost, .* 2 records could not be understood/);
});
