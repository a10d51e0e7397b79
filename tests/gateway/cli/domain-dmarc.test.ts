/** `hikyaku domains dmarc`: what is asked, what is shown of the answer, and how it ends. */
import { afterEach, expect, test } from "vitest";
import type { DmarcDomain, DmarcSource } from "#contract/dmarc-summary.ts";
import { type Asked, run, type Run, startFakeApi } from "./fake-api.ts";

let stop = (): void => {};
afterEach(() => stop());

const none = { count: 0, first: [] };
const SOURCE: DmarcSource = {
  ...{ kind: "domain", name: "crm.test", messages: 10, passed: 4, passed_by_dkim: 4, passed_by_spf: 0 },
  ...{ delivered: 8, quarantined: 2, rejected: 0, addresses: { count: 1, first: ["192.0.2.1"] } },
  ...{ header_from: none, envelope_from: none, dkim: none, spf: none, overrides: none },
  verdict: { code: "report.dkim-elsewhere", status: "fail", text: "Turn on DKIM there.", rfc: "RFC 9989 §4.4.1" },
};
const DOMAIN: DmarcDomain = {
  ...{ domain: "shop.test", policy: "none", begin_at: "2026-11-01T00:00:00.000Z", end_at: "2026-11-02T00:00:00.000Z" },
  ...{ organizations: ["receiver.test"], reports: 1, messages: 10, passed: 4, records_left_out: 0 },
  readiness: { word: "not-yet", next: "quarantine", days: 1, text: "Not yet." },
  ...{ sources: [SOURCE], sources_left_out: 0 },
};

const dmarc = async (data: DmarcDomain[], args: string[] = [], path = ""): Promise<Run & { asked: Asked[] }> => {
  const api = await startFakeApi({
    "GET /v1/domains?limit=100": { body: { object: "list", has_more: false, data: [] } },
    [`GET /v1/domains/d1/dmarc${path}`]: { body: { object: "dmarc_summary", data, reports_left_out: 2 } },
  });
  stop = api.stop;
  const ended = await run(["domains", "dmarc", "d1", ...args, "--url", api.url, "--key", "hk_x"]);
  return { ...ended, asked: api.asked };
};

test("sources are shown with what to mend; mail that fails is a no", async () => {
  const { exit, out } = await dmarc([DOMAIN]);
  expect(exit).toBe(1);
  for (const text of [
    "shop.test: p=none, 1 report,",
    "next stage: not-yet",
    "crm.test",
    "Turn on DKIM there.",
    "2 older",
  ])
    expect(out).toContain(text);
});

test("all passes is done; no report, and no mail in them, is unknown", async () => {
  expect((await dmarc([{ ...DOMAIN, passed: 10 }])).exit).toBe(0);
  expect(await dmarc([])).toMatchObject({ exit: 3, out: "no reports have come" });
  expect((await dmarc([{ ...DOMAIN, messages: 0, passed: 0, sources: [] }])).exit).toBe(3);
});

test("--since and --json", async () => {
  const { exit, out } = await dmarc(
    [DOMAIN],
    ["--json", "--since", "2026-11-01T00:00:00+01:00"],
    "?since=2026-11-01T00%3A00%3A00%2B01%3A00",
  );
  expect(exit).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ data: [{ domain: "shop.test" }] });
});
