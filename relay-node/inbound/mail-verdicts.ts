/**
 * What mailauth makes of one message: SPF, DKIM, DMARC and ARC, as words, as entries of a header, and as names.
 *
 * A stranger chooses HELO, addresses and names in here, and none of them may write a verdict: each result is taken as its
 * own text, never cut out of the header, and what could end an entry is taken out before. It rejects when mailauth does;
 * what a message may cost is the caller's to bound.
 */
import { Resolver } from "node:dns/promises";
import type { AuthenticateOptions } from "mailauth";
import type { Authentication } from "#contract/received.ts";
import { parseDomain } from "#dns/domain.ts";
import { cleanText } from "./field-groups.ts";
import type { InboundDelivery } from "./reception.ts";

/** The DNS as mailauth asks it: answers as `node:dns` gives them for any type. */
export type LookUp = NonNullable<AuthenticateOptions["resolver"]>;

export type MailVerdicts = {
  authentication: Authentication;
  /** Domain of the one mailbox in the one From; absent: there is none, or several, or it is no domain name. */
  from?: string;
  /** Domains that SPF or a DKIM signature over the whole message proves to have sent it, in lower case. */
  proved: string[];
  /** Trace fields, `\r\n` behind each line. */
  fields: string;
};

export type MailToJudge = Pick<InboundDelivery, "bytes" | "client" | "mailFrom">;

const RESULTS = 50;

/** `servers`: none: the system's. */
export const lookUpBy = (servers: readonly string[], limits: { timeoutMs: number; tries: number }): LookUp => {
  const dns = new Resolver({ timeout: limits.timeoutMs, tries: limits.tries });
  if (servers.length > 0) dns.setServers([...servers]);
  return async (name, type) => {
    const answer: unknown = await dns.resolve(name, type);
    // mailauth takes what node:dns gives for any type; its own type speaks of texts only.
    return answer as string[][];
  };
};

/** `name`: what this relay calls itself. */
export const judgeMail = async (
  { bytes, client, mailFrom }: MailToJudge,
  { name, lookUp }: { name: string; lookUp: LookUp },
): Promise<MailVerdicts> => {
  // Large, and wanted by relays only that take mail in.
  const { authenticate } = await import("mailauth");
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { spf, dkim, dmarc, arc, headers } = await authenticate(raw, {
    ...{ ip: client.ip, helo: heloName(client.helo), sender: plainAddress(mailFrom), mta: name },
    ...{ resolver: lookUp, disableBimi: true },
  });
  // One text a result, never the header split: what a sender calls itself may have any character in it.
  const entries = [...dkim.results, spf, arc, dmarc].flatMap((result) => (result ? (result.info ?? []) : []));
  const signatures = dkim.results.map(({ status }) => word(status.result));
  const policy = dmarc ? cleanText(dmarc.policy ?? "") : "";
  // RFC 6376 §8.2: behind what `l=` covers anybody may write.
  const signers = dkim.results.filter(({ status }) => status.result === "pass" && !status.underSized);
  const senders = spf && spf.status.result === "pass" ? [spf.domain] : [];
  const [author = "", ...others] = dkim.headerFrom;
  const from = dkim.fromFields === 1 && others.length === 0 ? domainOf(author) : undefined;
  return {
    authentication: {
      spf: spf ? word(spf.status.result) : "none",
      dkim: signatures.includes("pass") ? "pass" : (signatures[0] ?? "none"),
      dmarc: dmarc ? word(dmarc.status.result) : "none",
      dmarc_policy: policy === "" ? null : policy.slice(0, 20),
      arc: arc ? word(arc.status.result) : "none",
      results: entries
        .map((entry) => cleanText(entry).slice(0, 1000).toWellFormed())
        .filter((entry) => /^(dkim|spf|dmarc|arc)=/.test(entry))
        .slice(0, RESULTS),
    },
    ...(from !== undefined && { from }),
    proved: [...signers.flatMap(({ signingDomain }) => signingDomain ?? []), ...senders].map((domain) =>
      domain.toLowerCase(),
    ),
    fields: headers.trimEnd() + "\r\n",
  };
};

const domainOf = (address: string): string | undefined => {
  const parsed = parseDomain(address.slice(address.lastIndexOf("@") + 1));
  return parsed.kind === "domain" ? parsed.domain : undefined;
};

/** A host name or an address literal (RFC 5321 §4.1.1.1): nothing else of it gets into a header or a verdict. */
const heloName = (helo: string): string => (/^(?:[A-Za-z0-9._-]+|\[[A-Za-z0-9.:]+\])$/.test(helo) ? helo : "unknown");

/** Verdicts hang on its domain; what could end an entry of a header is taken out of the rest. */
const plainAddress = (address: string): string => address.replaceAll(/[;()<>"\\\s]/g, "_");

const word = (result: string | undefined): string => /^[a-z]{1,20}/.exec(result ?? "")?.[0] ?? "none";
