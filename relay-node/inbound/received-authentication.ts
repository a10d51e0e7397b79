/**
 * What can be proved of a message that came in from outside, within bounds of cost and time.
 *
 * A verdict that cannot be had loses no mail: it is `temperror`. A message that would cost more than any real one, by
 * its signatures or its line ends, is not verified. Nothing is refused here, not for `p=reject` either: whose domain
 * it is gets the verdict and decides.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "pino";
import { judgeMail, lookUpBy, type MailToJudge, type MailVerdicts } from "./mail-verdicts.ts";

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

/** `fields` are empty where there is no verdict. */
const UNKNOWN: MailVerdicts = {
  authentication: {
    spf: "temperror",
    dkim: "temperror",
    dmarc: "temperror",
    dmarc_policy: null,
    arc: "temperror",
    results: [],
  },
  proved: [],
  fields: "",
};

/** Never rejects. `header`: the message's own. */
export const createAuthenticator = ({ name, servers, log }: AuthenticatorOptions) => {
  const lookUp = lookUpBy(servers, { timeoutMs: 2000, tries: 2 });
  return async (mail: MailToJudge, header: Uint8Array): Promise<MailVerdicts> => {
    if (!isAffordable(mail.bytes, header)) return UNKNOWN;
    try {
      const late = wait(TIMEOUT_MS, UNKNOWN, { ref: false });
      const verdicts = await Promise.race([judgeMail(mail, { name, lookUp }), late]);
      return verdicts.fields.length <= FIELDS_LENGTH ? verdicts : { ...verdicts, fields: "" };
    } catch (error) {
      log.warn({ event: "received.no-verdict", error: String(error) });
      return UNKNOWN;
    }
  };
};

export type Authenticate = ReturnType<typeof createAuthenticator>;

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
