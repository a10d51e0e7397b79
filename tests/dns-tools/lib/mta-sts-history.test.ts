/** Looks at a policy, one after another: what changed between them and is a fault is told, as long as it is one. */
import { expect, test } from "vitest";
import type { DomainReport } from "#dns/check.ts";
import type { FetchedPolicy } from "#dns/mta-sts-findings.ts";
import { mtaStsFindings } from "#dns/mta-sts-findings.ts";
import { lookAtPolicy, NO_HISTORY, sinceBefore } from "#dns/mta-sts-history.ts";
import { formatMtaStsPolicy, parseMtaStsRecord, type MtaStsMode } from "#dns/mta-sts.ts";
import { recordedResolver, type RecordedName } from "#resolvers/recorded.ts";

/** `id mode max-age`; `-`: no record, with the policy still there or not; `?`: no answer; `404 id`: no policy. */
const look = async (
  text: string,
): Promise<{ report: DomainReport; look: Awaited<ReturnType<typeof lookAtPolicy>> }> => {
  const [id = "", mode = "", maxAge = "604800"] = text.split(" ");
  const record: RecordedName =
    id === "?" ? "servfail" : id === "-" ? "nxdomain" : { TXT: [`v=STSv1; id=${id === "404" ? mode : id}`] };
  const resolve = recordedResolver({
    "d.test": { MX: [{ preference: 10, exchange: "mail.d.test" }] },
    "_mta-sts.d.test": record,
    ...(text === "-" ? {} : { "mta-sts.d.test": { A: ["192.0.2.5"] } }),
  });
  const modes: readonly MtaStsMode[] = ["none", "testing", "enforce"];
  const known = modes.find((one) => one === mode) ?? "enforce";
  const policy = formatMtaStsPolicy({ mode: known, mx: ["mail.d.test"], maxAgeSeconds: Number(maxAge) });
  const served: FetchedPolicy =
    id === "404"
      ? { kind: "not-served", reason: "HTTP status 404" }
      : { kind: "text", contentType: "text/plain", text: policy };
  let fetched: FetchedPolicy | undefined;
  const findings = await mtaStsFindings("d.test", resolve, async () => (fetched = served));
  return {
    report: { domain: "d.test", status: "pass", findings },
    look: await lookAtPolicy("d.test", fetched, resolve),
  };
};

/** After each look the codes of what is wrong. */
const check = (title: string, looks: [look: string, codes: string][]): void => {
  test(title, async () => {
    let history = NO_HISTORY;
    const told: [string, string][] = [];
    for (const [text] of looks) {
      const seen = await look(text);
      const since = await sinceBefore(history, seen.report, seen.look);
      history = since.history;
      const wrong = since.report.findings.filter(({ status }) => status !== "pass");
      if (since.report !== seen.report) expect(since.report.status === "pass").toBe(wrong.length === 0);
      told.push([text, wrong.map(({ code, name }) => `${code} ${name}`).join()]);
    }
    expect(told).toEqual(looks);
  });
};

const ID = "mta-sts.id _mta-sts.d.test";
const MILDER = "mta-sts.milder mta-sts.d.test";
const NOT_ENFORCED = "mta-sts.not-enforced mta-sts.d.test";
const GONE = "mta-sts.missing _mta-sts.d.test";

check("the same, and a policy with its id", [
  ["1 enforce", ""],
  ["1 enforce", ""],
  ["2 enforce 86400", ""],
  ["2 enforce 86400", ""],
]);
check("a policy that changes without its id, until the id does", [
  ["1 enforce", ""],
  ["1 enforce 86400", ID],
  ["1 enforce 86400", ID],
  ["2 enforce 86400", ""],
]);
check("or until it is what it was", [
  ["1 enforce", ""],
  ["1 enforce 86400", ID],
  ["1 enforce", ""],
]);
check("an id that changes without its policy, which comes too late", [
  ["1 enforce", ""],
  ["2 enforce", ID],
  ["2 enforce", ID],
  ["2 enforce 86400", ID],
  ["3 enforce 86400", ""],
]);
check("a resolver that has the old id still", [
  ["1 enforce", ""],
  ["2 enforce 86400", ""],
  ["1 enforce 86400", ID],
  ["2 enforce 86400", ""],
]);
check("milder, told once beside its id, until it is strict again", [
  ["1 enforce", ""],
  ["2 testing", MILDER],
  ["3 none", MILDER],
  ["4 enforce", ""],
]);
check("on the way up there is no fall", [
  ["1 none", NOT_ENFORCED],
  ["2 testing", NOT_ENFORCED],
  ["3 enforce", ""],
]);
check("milder without another id", [
  ["1 enforce", ""],
  ["1 testing", `${ID},${MILDER}`],
]);
check("gone with its record, with the record alone, and without it", [
  ["1 enforce", ""],
  ["-", GONE],
  ["- enforce", GONE],
  ["404 1", "mta-sts.fetch mta-sts.d.test"],
  ["1 enforce", ""],
]);
check("ended as RFC 8461 §8.3 has it", [
  ["1 enforce", ""],
  ["2 none", MILDER],
  ["-", ""],
]);
check("never there", [
  ["-", ""],
  ["-", ""],
]);
check("what could not be found out is no change", [
  ["1 enforce", ""],
  ["?", "dns.indeterminate _mta-sts.d.test"],
  ["404 2", "mta-sts.fetch mta-sts.d.test"],
  ["1 enforce", ""],
]);

test("ids without end are not kept", async () => {
  let history = NO_HISTORY;
  for (let id = 0; id < 100; id++) {
    const seen = await look(`${id} enforce ${86_400 + id}`);
    ({ history } = await sinceBefore(history, seen.report, seen.look));
  }
  expect(history.seen.map(({ id }) => id)).toEqual(["92", "93", "94", "95", "96", "97", "98", "99"]);
});

test("the words have both ids and what to publish", async () => {
  const [first, second, third] = [await look("1 enforce"), await look("1 testing"), await look("2 enforce")];
  const { history } = await sinceBefore(NO_HISTORY, first.report, first.look);
  const { report } = await sinceBefore(history, second.report, second.look);
  const [, finding] = report.findings.filter(({ code }) => code === "mta-sts.id" || code === "mta-sts.milder");
  expect(finding?.text).toContain(
    "said `mode: enforce` and says `mode: testing` now: senders deliver without TLS again",
  );
  const changed = report.findings.find(({ code }) => code === "mta-sts.id");
  expect(changed?.text).toContain("_mta-sts.d.test still has the id `1`");
  expect(parseMtaStsRecord(changed?.fix ?? "")).toMatchObject({
    kind: "record",
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  const idle = await sinceBefore(history, third.report, third.look);
  expect(idle.report.findings.find(({ code }) => code === "mta-sts.id")?.text).toMatch(
    /from the id `1` to `2`, but the policy/,
  );
});
