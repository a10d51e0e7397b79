/**
 * What can be proved of a message that came in: SPF, DKIM, DMARC and ARC by mailauth, as words and as trace fields.
 *
 * A verdict that cannot be had loses no mail: it is `temperror`. A message that would cost more than any real one, by
 * its signatures or its line ends, is not verified. Nothing is refused here, not for `p=reject` either: whose domain
 * it is gets the verdict and decides.
 */
import { Resolver } from "node:dns/promises";
import { setTimeout as wait } from "node:timers/promises";
import type { AuthenticateOptions } from "mailauth";
import type { Logger } from "pino";
import type { Authentication } from "#contract/received.ts";
import { cleanText } from "./field-groups.ts";
import type { InboundDelivery } from "./reception.ts";

export type Authenticated = {
  authentication: Authentication;
  /** Header fields with their line ends; empty: there is no verdict. */
  fields: string;
};

export type AuthenticatorOptions = {
  /** What this relay calls itself. */
  name: string;
  /** DNS servers; none: the system's. */
  servers: readonly string[];
  log: Logger;
};

const TIMEOUT_MS = 20_000;
const SIGNATURES = 10;
/** RFC 5321 §2.3.8 allows none; mailauth takes each by itself. */
const BARE_LINE_FEEDS = 10_000;
const FIELDS_LENGTH = 12_000;
const RESULTS = 50;

const UNKNOWN: Authenticated = {
  authentication: {
    spf: "temperror",
    dkim: "temperror",
    dmarc: "temperror",
    dmarc_policy: null,
    arc: "temperror",
    results: [],
  },
  fields: "",
};

/** Never rejects. `header`: the message's own. */
export const createAuthenticator = ({ name, servers, log }: AuthenticatorOptions) => {
  const dns = new Resolver({ timeout: 2000, tries: 2 });
  if (servers.length > 0) dns.setServers([...servers]);
  const resolver: NonNullable<AuthenticateOptions["resolver"]> = async (host, type) => {
    const answer: unknown = await dns.resolve(host, type);
    // mailauth takes what node:dns gives for any type; its own type speaks of texts only.
    return answer as string[][];
  };
  return async (delivery: Omit<InboundDelivery, "recipient">, header: Uint8Array): Promise<Authenticated> => {
    if (!isAffordable(delivery.bytes, header)) return UNKNOWN;
    try {
      const late = wait(TIMEOUT_MS, UNKNOWN, { ref: false });
      return await Promise.race([verify(delivery, { name, resolver }), late]);
    } catch (error) {
      log.warn({ event: "received.no-verdict", error: String(error) });
      return UNKNOWN;
    }
  };
};

export type Authenticate = ReturnType<typeof createAuthenticator>;

const verify = async (
  { bytes, client, mailFrom }: Omit<InboundDelivery, "recipient">,
  { name, resolver }: { name: string; resolver: NonNullable<AuthenticateOptions["resolver"]> },
): Promise<Authenticated> => {
  // Large, and wanted by relays only that take mail in.
  const { authenticate } = await import("mailauth");
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { spf, dkim, dmarc, arc, headers } = await authenticate(raw, {
    ...{
      ip: client.ip,
      helo: heloName(client.helo),
      sender: plainAddress(mailFrom),
      mta: name,
      resolver,
      disableBimi: true,
    },
  });
  // One text a result, never the header split: what a sender calls itself may have any character in it.
  const entries = [...dkim.results, spf, arc, dmarc].flatMap((result) => (result ? (result.info ?? []) : []));
  const signatures = dkim.results.map(({ status }) => word(status.result));
  const policy = dmarc ? cleanText(dmarc.policy ?? "") : "";
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
    fields: headers.length <= FIELDS_LENGTH ? headers.trimEnd() + "\r\n" : "",
  };
};

/** A host name or an address literal (RFC 5321 §4.1.1.1): nothing else of it gets into a header or a verdict. */
const heloName = (helo: string): string => (/^(?:[A-Za-z0-9._-]+|\[[A-Za-z0-9.:]+\])$/.test(helo) ? helo : "unknown");

/** Verdicts hang on its domain; what could end an entry of a header is taken out of the rest. */
const plainAddress = (address: string): string => address.replaceAll(/[;()<>"\\\s]/g, "_");

const word = (result: string | undefined): string => /^[a-z]{1,20}/.exec(result ?? "")?.[0] ?? "none";

const isAffordable = (bytes: Uint8Array, header: Uint8Array): boolean => {
  const text = Buffer.from(header.buffer, header.byteOffset, header.byteLength).toString("latin1");
  return (text.match(/^dkim-signature[ \t]*:/gim) ?? []).length <= SIGNATURES && !hasManyBareLineFeeds(bytes);
};

const [LF, CR] = [0x0a, 0x0d];

const hasManyBareLineFeeds = (bytes: Uint8Array): boolean => {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0 && count <= BARE_LINE_FEEDS; at = bytes.indexOf(LF, at + 1))
    if (bytes[at - 1] !== CR) count += 1;
  return count > BARE_LINE_FEEDS;
};
