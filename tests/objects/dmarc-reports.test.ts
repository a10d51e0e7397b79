/**
 * DMARC reports as a relay posts them: kept once for the domain whose address they came to, and shown to its owner only.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { MailedReportReply } from "#contract/dmarc-report.ts";
import { DmarcSummary } from "#contract/dmarc-summary.ts";
import { DomainDetail, DomainSummary } from "#contract/domain.ts";
import { pageOf } from "#contract/pagination.ts";
import type { AggregateReport, ReportRecord } from "#dns/dmarc-report.ts";
import {
  DMARC_AUTHOR_LIMIT,
  DMARC_DAY_LIMIT,
  DMARC_REPORT_LIMIT,
  DMARC_SQL,
} from "../../gateway/objects/account-dmarc.ts";
import { ringAlarm } from "./support/account-scene.ts";
import {
  call,
  countIn,
  objectsMadeBy,
  openAccount,
  openRelay,
  sqlIn,
  type TestAccount,
} from "./support/worker-calls.ts";

afterEach(reset);

const record = (some: Partial<ReportRecord> = {}): ReportRecord => ({
  ...{ sourceIp: "192.0.2.1", messages: 1, disposition: "none", reasons: [], dkim: "fail", spf: "fail" },
  ...{ headerFrom: "shop.test", dkimResults: [], spfResults: [] },
  ...some,
});

const about = (domain: string, some: Partial<AggregateReport> = {}): AggregateReport => ({
  ...{ organization: "receiver.test", reportId: "r1", beginSeconds: 1_793_491_200, endSeconds: 1_793_577_599 },
  published: { domain, policy: "none", adkim: "r", aspf: "r", testing: false },
  records: [record({ messages: 7, headerFrom: domain, dkim: "pass", dkimResults: [{ domain, result: "pass" }] })],
  leftOut: 0,
  ...some,
});

const vouched = async (account: TestAccount, name: string): Promise<DomainDetail> => {
  await call("PUT", `/admin/accounts/${account.id}/domains/${name}`, {
    token: env.HIKYAKU_ADMIN_TOKEN,
    body: { status: "verified" },
  });
  const { data } = pageOf(DomainSummary).parse((await call("GET", "/v1/domains", { token: account.token })).body);
  return domainOf(account, data.find((domain) => domain.name === name)?.id ?? "");
};
const domainOf = async (account: TestAccount, id: string): Promise<DomainDetail> =>
  DomainDetail.parse((await call("GET", `/v1/domains/${id}`, { token: account.token })).body);

const scene = async () => {
  const account = await openAccount();
  const { id, dmarc_report_address } = await vouched(account, "shop.test");
  const { token } = await openRelay();
  const address = dmarc_report_address ?? "";
  const tell = async (recipient: string, report: AggregateReport, from = report.organization, by = [from]) => {
    const { body } = await call("POST", "/relay/inbound/dmarc", {
      token,
      body: { recipient, report, from, authenticated: by },
    });
    return MailedReportReply.parse(body).verdict;
  };
  const summary = async (query = ""): Promise<DmarcSummary> =>
    DmarcSummary.parse((await call("GET", `/v1/domains/${id}/dmarc${query}`, { token: account.token })).body);
  return { account, id, address, token, tell, summary };
};

test("a domain that was never proved has no address for reports; each other has its own", async () => {
  const account = await openAccount();
  const { body } = await call("POST", "/v1/domains", { token: account.token, body: { name: "new.test" } });
  const made = DomainDetail.parse(body);
  expect(made.dmarc_report_address).toBeNull();
  expect((await domainOf(account, made.id)).dmarc_report_address).toBeNull();
  const [one, two] = [await vouched(account, "shop.test"), await vouched(account, "shoes.test")];
  const form = new RegExp(`^dmarc-${account.id}\\.[0-9a-z]+\\.[0-9a-z]{16}@${env.HIKYAKU_BOUNCE_DOMAIN}$`);
  expect(one.dmarc_report_address).toMatch(form);
  expect(two.dmarc_report_address).toMatch(form);
  expect(one.dmarc_report_address).not.toBe(two.dmarc_report_address);
});

test("a report is kept once, and added up with the others", async () => {
  const { account, address, tell, summary } = await scene();
  expect(await summary()).toEqual({ object: "dmarc_summary", data: [], reports_left_out: 0 });
  expect(await tell(address, about("shop.test"))).toBe("stored");
  await evictDurableObject(account.stub);
  expect(await tell(address.toUpperCase(), about("shop.test"))).toBe("known");
  expect(await tell(address, about("shop.test", { reportId: "r2" }))).toBe("stored");
  expect(await tell(address, about("shop.test", { organization: "other.test", leftOut: 2 }))).toBe("stored");
  expect(await countIn(account, "dmarc_report")).toBe(3);
  const { data } = await summary();
  expect(data).toHaveLength(1);
  expect(data[0]).toMatchObject({
    ...{ domain: "shop.test", policy: "none", reports: 3, messages: 21, passed: 21, records_left_out: 2 },
    organizations: ["other.test", "receiver.test"],
    readiness: { word: "too-early", next: "quarantine" },
    sources: [{ kind: "domain", name: "shop.test", messages: 21, passed_by_dkim: 21, delivered: 21 }],
  });
  expect(data[0]?.sources[0]?.verdict).toMatchObject({ code: "report.aligned", status: "pass" });
});

test("without an id, reports are told apart by their time", async () => {
  const { address, tell } = await scene();
  const unnamed = about("shop.test", { reportId: "" });
  expect(await tell(address, unnamed)).toBe("stored");
  expect(await tell(address, unnamed)).toBe("known");
  expect(await tell(address, { ...unnamed, beginSeconds: unnamed.beginSeconds + 86_400 })).toBe("stored");
});

test("what is forged wakes nobody; what is of another account or domain is not kept", async () => {
  const { account, id, address, tell, summary } = await scene();
  const [head = "", k = "", rest = ""] = address.split(".", 3);
  const [mac = ""] = rest.split("@");
  const check = async (recipient: string): Promise<void> => {
    const made = await objectsMadeBy(env.ACCOUNT, async () =>
      expect(await tell(recipient, about("shop.test")), recipient).toBe("forged"),
    );
    expect(made, recipient).toBe(0);
  };
  await check(`${head}.${k}.${"0".repeat(16)}@bounce.test`);
  await check(`dmarc-0123456789ab.${k}.${mac}@bounce.test`);
  await check(`${head}.${(Number.parseInt(k, 36) + 1).toString(36)}.${mac}@bounce.test`);
  await check("postmaster@bounce.test");
  const other = await vouched(await openAccount(), "shop.test");
  expect(await tell(other.dmarc_report_address ?? "", about("shop.test"))).toBe("stored");
  expect(await tell(address, about("else.test"))).toBe("other-domain");
  expect(await tell(address, about("notshop.test"))).toBe("other-domain");
  expect(await countIn(account, "dmarc_report")).toBe(0);
  // Its policy may stand below or above it.
  expect(await tell(address, about("news.shop.test"))).toBe("stored");
  expect((await summary()).data[0]?.domain).toBe("news.shop.test");
  const stranger = await openAccount();
  expect(await call("GET", `/v1/domains/${id}/dmarc`, { token: stranger.token })).toMatchObject({ status: 404 });
});

test("a report counts when its mail is proved to be of the domain in its From, and under that name", async () => {
  const { account, address, tell, summary } = await scene();
  const check = async (organization: string, from: string, by: string[], expected: string): Promise<void> =>
    expect(await tell(address, about("shop.test", { organization }), from, by), `${from} ${by.join()}`).toBe(expected);
  const RECEIVER = "receiver.test";
  await check(RECEIVER, RECEIVER, [], "unauthenticated");
  await check(RECEIVER, RECEIVER, ["evil.test"], "unauthenticated");
  await check(RECEIVER, RECEIVER, ["receiver.test.evil.test", "notreceiver.test", "test", ""], "unauthenticated");
  await check(RECEIVER, "evil.test", [RECEIVER], "unauthenticated");
  await check("Big Mail Inc.", "mail.example.co.uk", ["co.uk", "other.co.uk"], "unauthenticated");
  expect(await countIn(account, "dmarc_report")).toBe(0);
  await check("Big Mail Inc.", "mail.example.co.uk", ["Bounce.Example.co.uk"], "stored");
  await check("Big Mail Inc.", "evil.test", ["evil.test"], "stored");
  await check("Yahoo", RECEIVER, ["mx.receiver.test"], "stored");
  expect((await summary()).data[0]?.organizations.toSorted()).toEqual(["evil.test", "example.co.uk", RECEIVER]);
  // Nobody else's report is known for theirs.
  await check("example.co.uk", "evil.test", ["evil.test"], "known");
});

test("a domain has so many a day, of one author fewer, and the day passes", async () => {
  const { account, address, tell } = await scene();
  const fill = (count: number, author: string, ageMs: number): Promise<unknown> =>
    sqlIn(
      account.stub,
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
       INSERT INTO dmarc_report (k, domain, source, json) SELECT ?2 + i,
         (SELECT k FROM domain WHERE name = 'shop.test'), json_array('shop.test', ?3, i), '{}' FROM n`,
      ...[count, (Date.now() - ageMs) * 1024, author],
    );
  const of = (organization: string, reportId: string) => about("shop.test", { organization, reportId });
  await fill(DMARC_AUTHOR_LIMIT - 1, "receiver.test", 3600_000);
  expect(await tell(address, of("receiver.test", "last"))).toBe("stored");
  expect(await tell(address, of("receiver.test", "more"))).toBe("full");
  expect(await tell(address, of("receiver.test", "last"))).toBe("known");
  expect(await tell(address, of("other.test", "r1"))).toBe("stored");
  await sqlIn(account.stub, "DELETE FROM dmarc_report");
  await fill(DMARC_DAY_LIMIT, "receiver.test", 25 * 3600_000);
  expect(await tell(address, of("receiver.test", "next"))).toBe("stored");
  await sqlIn(account.stub, "DELETE FROM dmarc_report");
  await fill(DMARC_DAY_LIMIT, "many.test", 3600_000);
  expect(await tell(address, of("receiver.test", "r1"))).toBe("full");
  const other = await vouched(account, "shoes.test");
  expect(await tell(other.dmarc_report_address ?? "", about("shoes.test"))).toBe("stored");
});

test("what is no report, or has no relay's token, is refused", async () => {
  const { address, token } = await scene();
  const post = (body: unknown, as = token) => call("POST", "/relay/inbound/dmarc", { token: as, body });
  const good = about("shop.test");
  expect((await post({ recipient: address, report: good, authenticated: [] }, "hr_nobody")).status).toBe(403);
  // As relays posted it that did not verify its author.
  expect((await post({ recipient: address, report: good })).status).toBe(422);
  const check = async (one: unknown): Promise<void> => {
    const { status } = await post({ recipient: address, report: one, authenticated: ["receiver.test"] });
    expect(status, JSON.stringify(one)?.slice(0, 200)).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  };
  await check(null);
  await check({ ...good, records: [{ ...record(), messages: -1 }] });
  await check({ ...good, organization: "x".repeat(1000) });
  await check({ ...good, endSeconds: 1e12 });
  await check({ ...good, records: Array.from({ length: 5000 }, () => record()) });
});

test("since: of those that came since", async () => {
  const { address, tell, summary } = await scene();
  await tell(address, about("shop.test"));
  const query = (ms: number): string => `?since=${new Date(Date.now() + ms).toISOString()}`;
  expect((await summary(query(-60_000))).data).toHaveLength(1);
  expect((await summary(query(60_000))).data).toEqual([]);
});

test("with the domain its reports go, and none is taken any more", async () => {
  const { account, id, address, tell } = await scene();
  await tell(address, about("shop.test"));
  await call("DELETE", `/v1/domains/${id}`, { token: account.token });
  expect(await countIn(account, "dmarc_report")).toBe(0);
  expect(await tell(address, about("shop.test"))).toBe("no-domain");
  expect(await call("GET", `/v1/domains/${id}/dmarc`, { token: account.token })).toMatchObject({ status: 404 });
});

test("an account keeps so many, for so long, and an answer reads so much", async () => {
  const { account, id, address, tell, summary } = await scene();
  const fill = async (count: number, size: number, ageDays: number): Promise<void> => {
    const padding = Array.from({ length: Math.ceil(size / 300) }, () => record());
    const json = JSON.stringify(about("shop.test", { records: padding }));
    await sqlIn(
      account.stub,
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
       INSERT INTO dmarc_report (k, domain, source, json)
       SELECT ?2 + i, (SELECT k FROM domain WHERE name = 'shop.test'), ?2 || i, json_set(?3, '$.reportId', ?2 || i) FROM n`,
      ...[count, (Date.now() - ageDays * 86_400_000) * 1024, json],
    );
  };
  await fill(100, 190_000, 399);
  const { data, reports_left_out } = await summary();
  expect(data[0]?.reports).toBeLessThan(100);
  expect((data[0]?.reports ?? 0) + reports_left_out).toBe(100);
  await fill(DMARC_REPORT_LIMIT - 100, 0, 401);
  await evictDurableObject(account.stub);
  expect(await tell(address, about("shop.test"))).toBe("full");
  await call("POST", "/v1/emails", {
    token: account.token,
    body: { from: "a@shop.test", to: "b@inbox.test", subject: "s", text: "t" },
  });
  await ringAlarm(account);
  await expect.poll(() => countIn(account, "dmarc_report")).toBe(100);
  expect(await tell(address, about("shop.test"))).toBe("stored");
  expect((await domainOf(account, id)).status).toBe("verified");
});

test("reports are found by index", async () => {
  const { account } = await scene();
  const plan = async (statement: string, ...args: SqlStorageValue[]): Promise<string> =>
    (await sqlIn<{ detail: string }>(account.stub, `EXPLAIN QUERY PLAN ${statement}`, ...args))
      .map(({ detail }) => detail)
      .join("; ");
  expect(await plan(DMARC_SQL.known, 1, "a")).toMatch(
    /^SEARCH dmarc_report USING .*INDEX dmarc_report_source \(domain=\? AND source=\?\)$/,
  );
  expect(await plan(DMARC_SQL.newest, 1, 1)).toBe(
    "SEARCH dmarc_report USING INDEX dmarc_report_domain (domain=? AND k>?)",
  );
  expect(await plan(DMARC_SQL.since, 1, 1, "a")).toBe(
    "SEARCH dmarc_report USING INDEX dmarc_report_domain (domain=? AND k>?)",
  );
  expect(await plan(DMARC_SQL.count, 1, 1)).toMatch(/^SEARCH dmarc_report USING COVERING INDEX dmarc_report_domain/);
  expect(await plan(DMARC_SQL.sweep, 1)).toBe("SEARCH dmarc_report USING INTEGER PRIMARY KEY (rowid<?)");
});
