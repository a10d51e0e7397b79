/**
 * A letter to the operator, passed on to their own address while its sender waits.
 *
 * Invariant: 250 here is the 250 of the operator's mail server, so what was taken cannot be lost, and nothing is kept. What
 * cannot be passed on now stays with its sender. It goes with the null sender, for which nobody sends anything back
 * (RFC 5321 §4.5.5): a letter goes round between here and there no more often than its trace allows. Whether it is
 * worth reading the operator's server decides.
 */
import type { Logger } from "pino";
import type { Mailbox } from "#contract/address.ts";
import type { Carrier } from "../delivery/attempt.ts";
import { findRoute, type RouteTable } from "../policy/routes.ts";
import { findTargets, type MailResolver, routeTargets, type TargetsResult } from "../policy/targets.ts";
import { DEFAULT_TIMEOUTS } from "../smtp/timeouts.ts";
import type { Timeouts } from "../smtp/transaction.ts";
import { outlineOf } from "./received-outline.ts";
import { receivedKey } from "./received-post.ts";
import type { InboundDelivery, SmtpReply } from "./reception.ts";
import { receivedField } from "./trace-field.ts";

export type LetterForwardOptions = {
  /** The operator's address. */
  to: Pick<Mailbox, "address" | "domain" | "utf8">;
  /** What this relay calls itself. */
  name: string;
  routes: RouteTable;
  resolver: MailResolver;
  mxPort: number;
  /** With `LETTER_TIMEOUTS`. */
  carrier: Pick<Carrier, "attempt">;
  nowMs: () => number;
  log: Logger;
};

/** 2xx: the operator's server has it. */
export type LetterForward = (letter: InboundDelivery) => Promise<SmtpReply>;

const STEP_MS = 20_000;
/** The sender of the letter waits behind its dot, ten minutes (RFC 5321 §4.5.3.2.6): shorter than for mail of our own. */
export const LETTER_TIMEOUTS: Timeouts = {
  ...DEFAULT_TIMEOUTS,
  ...{ connectMs: STEP_MS, greetingMs: STEP_MS, ehloMs: STEP_MS, tlsMs: STEP_MS, mailMs: STEP_MS },
  ...{ rcptMs: STEP_MS, dataMs: STEP_MS, blockMs: STEP_MS, dotMs: 2 * 60_000 },
};
/** Hosts that are tried for one letter. */
const TARGETS = 3;
const AT_ONCE = 5;
/** RFC 5321 §6.3. */
const MOST_HOPS = 100;

export const createLetterForward = ({
  to,
  name,
  nowMs,
  log,
  carrier,
  ...where
}: LetterForwardOptions): LetterForward => {
  let underWay = 0;
  const passOn = async (message: Uint8Array, needsSmtpUtf8: boolean): Promise<SmtpReply> => {
    const found = await targetsOf(to.domain, where);
    if (found.kind !== "targets") return LATER;
    const { result, held } = await carrier.attempt(
      {
        targets: found.targets.slice(0, TARGETS),
        transaction: { mailFrom: "", rcptTo: to.address, message, needsSmtpUtf8 },
        requireTls: false,
        ...{ beforeTransaction: () => {}, beforeMessage: async () => {} },
      },
      undefined,
    );
    held?.connection.quit();
    log.info({ event: "inbound.letter", kind: result.kind, phase: result.phase, code: result.reply?.code });
    if (result.kind === "delivered") return PASSED_ON;
    return result.kind === "bounced" ? REFUSED : LATER;
  };
  return async ({ bytes, client, mailFrom, recipient }) => {
    const outline = outlineOf(bytes);
    if (!outline) return LONG_HEADER;
    if (hopsIn(outline.top) >= MOST_HOPS) return IN_CIRCLES;
    if (underWay >= AT_ONCE) return LATER;
    underWay += 1;
    try {
      const id = receivedKey(mailFrom, [recipient], bytes).slice(0, 16);
      const trace = Buffer.from(receivedField({ client, name, id, nowMs: nowMs() }));
      // RFC 6532 §3.2: header fields in UTF-8 go to who takes them only.
      return await passOn(Buffer.concat([trace, bytes]), to.utf8 || outline.top.some((octet) => octet > 127));
    } finally {
      underWay -= 1;
    }
  };
};

const PASSED_ON: SmtpReply = { code: 250, text: "2.0.0 Passed on to the postmaster" };
const REFUSED: SmtpReply = { code: 550, text: "5.7.1 The postmaster's own mail server refuses it" };
const LATER: SmtpReply = { code: 451, text: "4.4.1 It cannot be passed on to the postmaster now, try again later" };
const LONG_HEADER: SmtpReply = { code: 552, text: "5.3.4 Its header is too long" };
const IN_CIRCLES: SmtpReply = { code: 554, text: "5.4.6 It has come through too many hosts" };

const targetsOf = async (
  domain: string,
  { routes, resolver, mxPort }: Pick<LetterForwardOptions, "routes" | "resolver" | "mxPort">,
): Promise<TargetsResult> => {
  const route = findRoute(routes, domain);
  if (route) return routeTargets(route, resolver);
  return findTargets(domain, resolver, { port: mxPort, tls: "opportunistic", random: Math.random });
};

const hopsIn = (header: Uint8Array): number =>
  (
    Buffer.from(header)
      .toString("latin1")
      .match(/^received[ \t]*:/gim) ?? []
  ).length;
