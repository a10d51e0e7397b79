/**
 * Mail that comes in for an account, handed over as a relay does: a line that says where its parts stand, and its bytes.
 */
import { env } from "cloudflare:workers";
import { DomainSummary } from "#contract/domain.ts";
import { pageOf } from "#contract/pagination.ts";
import { type ReceivedMail, type ReceivedPart, ReceivedReply } from "#contract/received.ts";
import { call, openAccount, openRelay, type Answer, type TestAccount } from "./worker-calls.ts";

export type Receiving = { account: TestAccount; relay: string; domainId: string };

/** An account with `shop.test`, for which the operator vouches, and receiving on. */
export const openReceiving = async (): Promise<Receiving> => receiveFor(await openAccount());

export const receiveFor = async (account: TestAccount): Promise<Receiving> => {
  const { token } = account;
  await call("PUT", `/admin/accounts/${account.id}/domains/shop.test`, {
    token: env.HIKYAKU_ADMIN_TOKEN,
    body: { status: "verified" },
  });
  const { data } = pageOf(DomainSummary).parse((await call("GET", "/v1/domains", { token })).body);
  const domainId = data.find(({ name }) => name === "shop.test")?.id ?? "";
  await call("PATCH", `/v1/domains/${domainId}`, { token, body: { capabilities: { receiving: "enabled" } } });
  return { account, relay: (await openRelay()).token, domainId };
};

export const AUTHENTICATION = {
  ...{ spf: "pass", dkim: "fail", dmarc: "fail", dmarc_policy: "reject", arc: "none" },
  results: ["spf=pass smtp.mailfrom=other.test", "dkim=fail"],
};

/** Where a text stands in the message, as a part of it. */
export const partAt = (raw: string, content: string, fields: Partial<ReceivedPart> = {}): ReceivedPart => {
  const start = new TextEncoder().encode(raw.slice(0, raw.indexOf(content))).length;
  const size = new TextEncoder().encode(content).length;
  return {
    ...{ type: "text/plain", encoding: "none", charset: null, filename: null, content_id: null },
    ...{ content_disposition: null, start, end: start + size, size },
    ...fields,
  };
};

export const mailOf = (raw: string, more: { head?: object; body?: object } = {}): ReceivedMail => ({
  head: {
    ...{ from: "Ann <ann@other.test>", to: ["hello@shop.test"], cc: [], bcc: [], reply_to: [] },
    ...{ subject: "Hello", message_id: "<1@other.test>", received_for: ["hello@shop.test"] },
    ...{ authentication: AUTHENTICATION, attachments: [] },
    ...more.head,
  },
  body: { headers: { subject: "Hello" }, text: [], html: [], ...more.body },
  size: new TextEncoder().encode(raw).length,
});

export const KEY = "0123456789abcdef".repeat(4);

/** What the relay is answered. */
export const handOver = async (
  { account, relay }: Receiving,
  raw: string | ReadableStream,
  mail: ReceivedMail,
  key = KEY,
): Promise<Answer> => {
  const line = `${JSON.stringify(mail)}\n`;
  const body = typeof raw === "string" ? line + raw : joined(line, raw);
  return call("PUT", `/relay/inbound/messages/${key}?account=${account.id}`, { token: relay, raw: body });
};

const joined = (line: string, rest: ReadableStream): ReadableStream => {
  const { readable, writable } = new TransformStream();
  void (async () => {
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode(line));
    writer.releaseLock();
    await rest.pipeTo(writable);
  })().catch(() => undefined);
  return readable;
};

export const verdictOf = ({ body }: Answer): string => ReceivedReply.parse(body).verdict;
