/**
 * DMARC reports by mail: a domain's owner names our address in `rua`, receivers mail their reports to the relay, and what
 * they say can be read. A letter, a report that nobody is
 * proved to have written, or one to an address that is none of ours is refused.
 */
import { gzipSync } from "node:zlib";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DmarcSummary } from "#contract/dmarc-summary.ts";
import { DomainDetail, DomainSummary } from "#contract/domain.ts";
import { pageOf } from "#contract/pagination.ts";
import { feedbackText } from "../dns-tools/reports/feedback-text.ts";
import { record, report } from "../dns-tools/reports/sample-report.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { startStack, type Stack } from "../support/stack.ts";

let dns: DnsServer;
let stack: Stack;
let port: number;

beforeAll(async () => {
  dns = await startDnsServer({ "receiver.test": { txt: ["v=spf1 ip4:127.0.0.1 -all"] } });
  stack = await startStack({ env: { HIKYAKU_INBOUND: "127.0.0.1:0", HIKYAKU_DNS: dns.address } });
  port = Number(/"event":"inbound\.listening","host":"127\.0\.0\.1","port":(\d+)/.exec(stack.log)?.[1]);
});
afterAll(async () => {
  await stack?.stop();
  await dns?.close();
});

const ask = async (path: string): Promise<unknown> => (await stack.request("GET", path)).body;

/** What the owner of a domain is told to name in `rua`. */
const openDomain = async (): Promise<{ id: string; address: string }> => {
  await stack.admin("PUT", `/admin/accounts/${stack.accountId}/domains/shop.test`, { status: "verified" });
  const [domain] = pageOf(DomainSummary).parse(await ask("/v1/domains")).data;
  const { id, dmarc_report_address } = DomainDetail.parse(await ask(`/v1/domains/${domain?.id ?? ""}`));
  return { id, address: dmarc_report_address ?? "" };
};

/** The reply to a mail with this attachment, or the refusal. */
const mailIn = async (to: string, content: Buffer, from = "dmarc@receiver.test"): Promise<string> => {
  const tls = { rejectUnauthorized: false };
  const client = createTransport({ host: "127.0.0.1", port, name: "mx.receiver.test", tls });
  try {
    const attachments = [{ filename: "receiver.test!shop.test!1!2.xml.gz", content, contentType: "application/gzip" }];
    return (await client.sendMail({ from, to, text: "A report.", attachments })).response;
  } catch (error) {
    return error instanceof Error && "response" in error ? String(error.response) : String(error);
  } finally {
    client.close();
  }
};

const published = { domain: "shop.test", policy: "none", adkim: "r", aspf: "r", testing: false } as const;
const crm = record({ messages: 40, headerFrom: "shop.test", dkimResults: [{ domain: "crm.test", result: "pass" }] });
const REPORT = gzipSync(feedbackText(report([crm], { published })));

test("a report that is mailed is read, and says what to mend", async () => {
  const { id, address } = await openDomain();
  expect(await mailIn(address, REPORT)).toMatch(/^250 2\.0\.0 /);
  expect(await mailIn(address, REPORT)).toMatch(/^250 2\.0\.0 /);
  const { data } = DmarcSummary.parse(await ask(`/v1/domains/${id}/dmarc`));
  expect(data).toMatchObject([{ domain: "shop.test", reports: 1, messages: 40, passed: 0 }]);
  expect(data[0]?.sources[0]).toMatchObject({ name: "crm.test", verdict: { code: "report.dkim-elsewhere" } });

  expect(await mailIn(address.replace(/\.[0-9a-z]{16}@/, ".0000000000000000@"), REPORT)).toMatch(/^550 5\.1\.1 /);
  const another = gzipSync(feedbackText(report([crm], { published, reportId: "r2" })));
  expect(await mailIn(address, another, "dmarc@elsewhere.test")).toMatch(/^550 5\.7\.26 /);
  expect(await mailIn(address, gzipSync("<rss/>"))).toMatch(/^550 5\.6\.0 /);
  expect(await mailIn(address, gzipSync(Buffer.alloc(50_000_000)))).toMatch(/^550 5\.6\.0 /);
  expect(DmarcSummary.parse(await ask(`/v1/domains/${id}/dmarc`)).data[0]?.reports).toBe(1);
});
