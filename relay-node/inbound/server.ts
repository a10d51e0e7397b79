/**
 * The inbound SMTP server (RFC 5321): bounces and complaints, and mail for domains with receiving on.
 *
 * It speaks SMTP within limits and asks the desks (`reception.ts`) what is theirs, before DATA, and what to reply after.
 * Only CRLF.CRLF ends a message: smtp-server sees to that, and the tests that it stays so. Nobody logs in here, and
 * nothing is taken for others: it is no relay.
 */
import type { Logger } from "pino";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import { type InboundLimits, Visitors } from "./limits.ts";
import { Allowance, MessageBytes } from "./message-bytes.ts";
import { type Recipient, takeMessage, wantedBytes } from "./message-intake.ts";
import { type Desk, findDesk, type SmtpReply, tooLarge } from "./reception.ts";

export type InboundOptions = {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** What it calls itself. */
  name: string;
  /** PEM texts for STARTTLS. */
  certificate: { cert: string; key: string };
  /** Asked in this order. */
  desks: readonly Desk[];
  limits: InboundLimits;
  log: Logger;
};

export type InboundServer = { port: number; close: () => Promise<void> };

/** Open transactions are given this long when it closes. */
const CLOSE_MS = 5000;
/** Connections that were refused and are not gone yet. */
const LEAVING = 200;
/** RFC 5321 §4.5.3.1.10. */
const TOO_MANY: SmtpReply = { code: 452, text: "4.5.3 Too many such recipients, send it again for the others" };
/** All that smtp-server knows and mail does not need. */
const WITHOUT = ["AUTH", "HELP", "XCLIENT", "XFORWARD", "WIZ", "SHELL", "KILL"];

/** Rejects when it cannot listen there. */
export const startInboundServer = async (options: InboundOptions): Promise<InboundServer> => {
  const server = new Reception(options).server;
  await new Promise<void>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.server.off("error", reject);
      resolve();
    });
  });
  const address = server.server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
};

class Reception {
  readonly server: SMTPServer;
  readonly #options: InboundOptions;
  readonly #visitors: Visitors;
  readonly #allowance: Allowance;
  /** Accepted in the transaction that is open, with whose they are. */
  readonly #recipients = new WeakMap<SMTPServerSession, Recipient[]>();
  /** By session. */
  readonly #deadlines = new Map<string, NodeJS.Timeout>();

  constructor(options: InboundOptions) {
    const { limits, certificate, log } = options;
    this.#options = options;
    this.#visitors = new Visitors(limits);
    this.#allowance = new Allowance(limits.heldBytes);
    this.server = new SMTPServer({
      ...{ name: options.name, ...certificate, disabledCommands: WITHOUT },
      ...{ size: limits.messageBytes, maxRecipients: limits.recipients, maxClients: limits.connections },
      ...{ socketTimeout: limits.idleMs, closeTimeout: CLOSE_MS },
      ...{ disableReverseLookup: true, lenientAddressParsing: true, heloResponse: "%s" },
      // The one place where each command and each reply passes.
      logger: { debug: (entry: Passed, _: string, text?: string) => this.#count(entry, text), info: () => {} },
      onConnect: (session, callback) => callback(this.#enter(session)),
      onClose: (session) => this.#leave(session),
      onMailFrom: (_, session, callback) => {
        this.#recipients.delete(session);
        callback();
      },
      onRcptTo: ({ address }, session, callback) =>
        this.#answer(this.#admit(address, session), (reply) => callback(reply && smtpError(reply))),
      onData: (stream, session, callback) =>
        this.#answer(this.#take(stream, session), (reply) =>
          reply.code < 400 ? callback(null, reply.text) : callback(smtpError(reply)),
        ),
    });
    this.server.server.maxConnections = limits.connections + LEAVING;
    this.server.on("error", (error) => log.debug({ event: "inbound.connection-error", error: error.message }));
  }

  #enter({ id, remoteAddress }: SMTPServerSession): Error | null {
    const { sessionMs } = this.#options.limits;
    this.#deadlines.set(id, setTimeout(() => this.#hangUp(id, "4.4.2 That took too long"), sessionMs).unref());
    return this.#visitors.enter(id, remoteAddress)
      ? null
      : smtpError({ code: 421, text: "4.7.0 Too many connections from your network, try again later" });
  }

  #leave({ id }: SMTPServerSession): void {
    this.#visitors.leave(id);
    clearTimeout(this.#deadlines.get(id));
    this.#deadlines.delete(id);
  }

  async #admit(address: string, session: SMTPServerSession): Promise<SmtpReply | undefined> {
    const found = await findDesk(this.#options.desks, address);
    if (found.kind === "refused") return found.reply;
    const { desk } = found;
    const others = (this.#recipients.get(session) ?? []).filter((recipient) => recipient.address !== address);
    if (others.filter((other) => other.desk === desk).length >= (desk.recipients ?? Infinity)) return TOO_MANY;
    this.#recipients.set(session, [...others, { address, desk }]);
    return undefined;
  }

  async #take(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<SmtpReply> {
    const { id, envelope, remoteAddress: ip, hostNameAppearsAs: helo, secure: isSecure } = session;
    const { limits } = this.#options;
    const recipients = this.#recipients.get(session) ?? [];
    const message = new MessageBytes(this.#allowance, wantedBytes(recipients));
    const deadline = setTimeout(() => this.#hangUp(id, "4.4.2 The message took too long"), limits.dataMs);
    const mailFrom = envelope.mailFrom ? envelope.mailFrom.address : "";
    const taken = await takeMessage(stream, message, recipients, { mailFrom, client: { ip, helo, isSecure } });
    clearTimeout(deadline);
    if (taken.kind === "gone") return { code: 451, text: "4.4.2 The message did not come whole" };
    // Its dot may never come.
    if (taken.kind === "too-large") setImmediate(() => this.#hangUp(id));
    const reply = taken.kind === "replied" ? taken.reply : tooLarge(limits.messageBytes);
    if (reply.code < 400) this.#visitors.tookMessage(id);
    return reply;
  }

  /** What throws is a bug: its sender may try again. */
  #answer<T>(work: Promise<T>, reply: (value: T | SmtpReply) => void): void {
    work.then(reply, (error: unknown) => {
      this.#options.log.error({ event: "inbound.failed", error: String(error) });
      reply({ code: 451, text: "4.3.0 Something went wrong here, try again later" });
    });
  }

  #count({ tnx, cid }: Passed, text = ""): void {
    const isWelcome =
      tnx === "command"
        ? this.#visitors.mayCommand(cid)
        : tnx !== "send" || !/^[45]/.test(text) || this.#visitors.mayErr(cid);
    // Not at once: this is called in the middle of a command.
    if (!isWelcome) setImmediate(() => this.#hangUp(cid, "4.7.0 Too many commands or errors"));
  }

  #hangUp(id: string, text?: string): void {
    for (const connection of this.server.connections)
      if (connection.id === id) {
        if (text !== undefined) connection.send(421, text);
        connection.close();
      }
  }
}

/** What smtp-server tells its logger of a command (`tnx: "command"`) or a reply (`"send"`). */
type Passed = { tnx?: string; cid: string };

const smtpError = ({ code, text }: SmtpReply): Error => Object.assign(new Error(text), { responseCode: code });
