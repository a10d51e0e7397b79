/**
 * The sandbox: a real SMTP server on loopback that plays the recipients of `@sandbox.test`.
 *
 * It keeps no state: which attempt this is stands in the return-path. What it accepts goes to its account with
 * the verdict of SPF, DKIM and DMARC, for which the keys we sign with count as published.
 */
import type { Logger } from "pino";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import { base32 } from "#contract/ids.ts";
import type { Trapped } from "#contract/relay-protocol.ts";
import { parseReturnPath, returnPathSignedText, type ReturnPathToken } from "#contract/return-path.ts";
import { returnPathMac, type GatewayStore } from "../delivery/gateway-store.ts";
import type { Route } from "../policy/routes.ts";
import { judgeMail, type LookUp, lookUpBy, type MailToJudge } from "./mail-verdicts.ts";
import type { InboundDelivery } from "./reception.ts";
import { sandboxReport } from "./sandbox-reports.ts";

export type SandboxTrap = { route: Route; close: () => void };

export type TrapOptions = {
  store: GatewayStore;
  /** DNS servers for SPF and DMARC; none: the system's. */
  servers: readonly string[];
  log: Logger;
  /** Hands a `Trapped` (JSON) to the account; `false`: nobody is there to take it. */
  keep: (account: string, json: string) => boolean;
  bounceDomain: string;
  /** Takes what a recipient has to say of its mail, as if it had come from outside. */
  report: (delivery: InboundDelivery) => void;
};

/** Attempts that `deferred@` refuses. */
const DEFERRED_ATTEMPTS = 2;
const RAW_LIMIT_BYTES = 1024 * 1024;
/** Reports come when the mail is settled. */
const REPORT_DELAY_MS = 1000;

/** What a recipient answers to RCPT; nothing: it takes the mail. */
const refusalOf = (localPart: string, attempt: number): string | undefined => {
  const [name = "", label = ""] = localPart.toLowerCase().split("+");
  // It takes the mail, and a bounce comes later.
  if (name === "bounced" && label !== "later") return "550 5.1.1 The sandbox has no such user";
  if (name === "full") return "452 4.2.2 The mailbox is full";
  if (name === "deferred" && attempt <= DEFERRED_ATTEMPTS)
    return `451 4.7.1 Try again later (attempt ${attempt} of ${DEFERRED_ATTEMPTS} refused)`;
  return undefined;
};

export const startSandboxTrap = async (options: TrapOptions): Promise<SandboxTrap> => {
  const lookUp = lookUpWithOurKeys(options);
  const server = new SMTPServer({
    name: "sandbox.test",
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    onRcptTo: ({ address }, session, callback) => {
      const refusal = refusalOf(address.slice(0, address.lastIndexOf("@")), tokenOf(session)?.attempt ?? 1);
      callback(refusal === undefined ? null : smtpError(refusal));
    },
    onData: (stream, session, callback) => {
      receive({ ...options, lookUp }, stream, session).then(
        () => callback(null),
        (error: unknown) => {
          options.log.error({ event: "sandbox.failed", error: String(error) });
          callback(smtpError("451 4.3.0 The sandbox failed"));
        },
      );
    },
  });
  server.on("error", (error) => options.log.warn({ event: "sandbox.connection-error", error: error.message }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { route: { host: "127.0.0.1", port, tls: "none" }, close: () => server.close() };
};

const smtpError = (reply: string): Error =>
  Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) });

const mailFromOf = (session: SMTPServerSession): string =>
  session.envelope.mailFrom ? session.envelope.mailFrom.address : "";

const tokenOf = (session: SMTPServerSession): (ReturnPathToken & { mac: string }) | undefined => {
  const address = mailFromOf(session);
  return parseReturnPath(address.slice(0, address.lastIndexOf("@")));
};

const receive = async (
  options: TrapOptions & { lookUp: LookUp },
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
): Promise<void> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  const raw = Buffer.concat(chunks);
  const token = tokenOf(session);
  const key = token && (await options.store.returnPathKey(token.account));
  // A mail that carries no token of ours was not sent by an account: it has nobody to be shown to.
  if (!token || !key || base32(returnPathMac(key, returnPathSignedText(token)), 16) !== token.mac) return;
  const [mailFrom, rcptTo] = [mailFromOf(session), session.envelope.rcptTo[0]?.address ?? ""];
  const client = { ip: session.remoteAddress, helo: session.hostNameAppearsAs, isSecure: session.secure };
  const trapped: Trapped = {
    k: token.k,
    received_at_ms: Date.now(),
    mail_from: mailFrom,
    rcpt_to: rcptTo,
    raw: raw.subarray(0, RAW_LIMIT_BYTES).toString("base64"),
    raw_bytes: raw.length,
    authentication_results: await verdicts(options, { bytes: raw, mailFrom, client }),
  };
  if (!options.keep(token.account, JSON.stringify(trapped)))
    options.log.warn({ event: "sandbox.not-kept", account: token.account, k: token.k });
  const report = sandboxReport({ mailFrom, rcptTo, raw }, options.bounceDomain);
  if (report) setTimeout(() => options.report({ ...report, client }), REPORT_DELAY_MS).unref();
};

const lookUpWithOurKeys = ({ store, servers }: TrapOptions): LookUp => {
  const lookUp = lookUpBy(servers, { timeoutMs: 1000, tries: 1 });
  return async (name, type) => {
    const published = type === "TXT" ? await store.publishedKey(name.toLowerCase()) : undefined;
    return published === undefined ? lookUp(name, type) : [[published]];
  };
};

/** RFC 8601 results, one an entry. A verdict that cannot be had loses no mail. */
const verdicts = async ({ lookUp, log }: TrapOptions & { lookUp: LookUp }, mail: MailToJudge): Promise<string[]> => {
  try {
    return (await judgeMail(mail, { name: "sandbox.test", lookUp })).authentication.results;
  } catch (error) {
    log.warn({ event: "sandbox.no-verdict", error: String(error) });
    return [];
  }
};
