/**
 * The one file of the SMTP client that owns sockets: it carries out what `opening.ts` and `dialogue.ts` ask.
 *
 * Invariant: a time-out rules at every moment a server is waited for, and `deliver` always settles. No protocol
 * knowledge lives here. On the hot path a transaction costs one promise, one write of commands and one of the
 * message; no timer, and no copy but of the message's last block.
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { TlsVerdict } from "#contract/outcome.ts";
import type { Phase } from "#contract/reply.ts";
import { Deadline, type Timer } from "./deadline.ts";
import { Dialogue, type Effect } from "./dialogue.ts";
import type { Loss } from "./loss.ts";
import { Opening, type OpeningEffect } from "./opening.ts";
import { ReplyParser } from "./reply.ts";
import { phaseTimeoutMs } from "./timeouts.ts";
import type {
  ConnectionOptions,
  OpenResult,
  SmtpConnection,
  Target,
  Transaction,
  TransactionResult,
} from "./transaction.ts";
import { Transcript } from "./transcript.ts";

/** A message leaves in blocks of this size, each under its own `blockMs`; nearly all fit in one. */
const BLOCK_OCTETS = 64 * 1024;
/** How long the answer to QUIT is waited for. */
const QUIT_MS = 2000;

/** Connects, greets, secures and authenticates. Never rejects: every failure is an `OpenFailure`. */
export const openConnection = (target: Target, options: ConnectionOptions): Promise<OpenResult> =>
  new Promise((resolve) => {
    // The connection lives on in its socket's listeners; `resolve` hands it out once it is open.
    void new Connection(target, options, resolve);
  });

const SYSTEM_TIMER: Timer = {
  nowMs: () => performance.now(),
  after: (delayMs, run) => {
    // An open socket keeps the process alive, its deadline need not.
    const timeout = setTimeout(run, delayMs).unref();
    return () => clearTimeout(timeout);
  },
};

/** The caller of `deliver`, waiting. */
type Waiting = {
  beforeMessage: (() => Promise<void>) | undefined;
  resolve: (result: TransactionResult) => void;
  reject: (error: unknown) => void;
};

class Connection implements SmtpConnection {
  readonly target: Target;
  tls: TlsVerdict = { status: "none" };
  carried = 0;
  readonly #options: ConnectionOptions;
  readonly #parser = new ReplyParser();
  readonly #transcript = new Transcript();
  readonly #deadline = new Deadline(SYSTEM_TIMER, () => this.#lost({ kind: "timed-out" }));
  readonly #listeners = {
    data: (chunk: Buffer): void => this.#received(chunk),
    drain: (): void => {
      if (this.#unwritten) this.#writeMessage(this.#unwritten);
    },
    error: (error: NodeJS.ErrnoException): void => this.#lost({ kind: "error", code: error.code ?? error.message }),
    end: (): void => this.#lost({ kind: "closed" }),
    close: (): void => this.#lost({ kind: "closed" }),
  };
  #socket: Socket;
  #closed = false;
  #opening: { dialogue: Opening; resolve: (result: OpenResult) => void } | undefined;
  #dialogue: Dialogue | undefined;
  #waiting: Waiting | undefined;
  /** What of the message is still to be written. */
  #unwritten: Uint8Array | undefined;

  constructor(target: Target, options: ConnectionOptions, resolve: (result: OpenResult) => void) {
    this.target = target;
    this.#options = options;
    const opening = new Opening(target, options.heloName, this.#transcript);
    this.#opening = { dialogue: opening, resolve };
    const { localAddress } = options;
    this.#socket = connectTcp({
      host: target.ip,
      port: target.port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    this.#listen(this.#socket);
    this.#socket.once("connect", () => this.#performOpening(opening.connected()));
    this.#deadline.set(options.timeouts.connectMs);
  }

  get usable(): boolean {
    return !this.#closed && this.#dialogue !== undefined && this.#dialogue.usable;
  }

  deliver(transaction: Transaction, beforeMessage?: () => Promise<void>): Promise<TransactionResult> {
    const dialogue = this.#dialogue;
    // The server may close between the caller's look at `usable` and here: no bug, and nothing was sent.
    if (!dialogue || !this.usable) return Promise.resolve(GONE);
    if (this.#waiting) throw new Error("a second transaction on a connection that carries one");
    this.carried++;
    return new Promise((resolve, reject) => {
      this.#waiting = { beforeMessage, resolve, reject };
      this.#perform(dialogue.begin(transaction));
    });
  }

  quit(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.end("QUIT\r\n");
    this.#deadline.set(QUIT_MS);
  }

  destroy(): void {
    this.#closed = true;
    this.#lost({ kind: "closed" });
  }

  #listen(socket: Socket): void {
    for (const [event, listener] of Object.entries(this.#listeners)) socket.on(event, listener);
  }

  #received(chunk: Buffer): void {
    this.#parser.push(chunk);
    for (let parsed = this.#parser.next(); parsed; parsed = this.#parser.next()) {
      // After `quit` nobody listens, but for the end.
      if (this.#closed) return;
      if (this.#opening) this.#performOpening(this.#opening.dialogue.reply(parsed));
      else if (this.#dialogue) this.#perform(this.#dialogue.reply(parsed));
    }
  }

  #performOpening(effect: OpeningEffect): void {
    switch (effect.kind) {
      case "wait":
        return this.#await(effect.phase);
      case "send":
        this.#socket.write(effect.text);
        return this.#await(effect.phase);
      case "start-tls":
        return this.#startTls();
      case "open":
        if (effect.tlsError !== undefined) this.tls = { status: "failed", error: effect.tlsError };
        this.#deadline.lift();
        this.#dialogue = new Dialogue(effect.capabilities, this.#transcript);
        return this.#opened({ kind: "open", connection: this });
      case "failed": {
        const { reply } = effect.failure;
        // RFC 5321 §4.1.1.10: QUIT to a server that still talks; 421 and nonsense are past talking.
        if (reply === undefined || reply.code === 421) this.#close();
        else this.quit();
        return this.#opened({ kind: "failed", failure: effect.failure });
      }
    }
  }

  #opened(result: OpenResult): void {
    const opening = this.#opening;
    this.#opening = undefined;
    opening?.resolve(result);
  }

  /** On the plain socket, whose buffered bytes are forgotten: they were sent in the clear (RFC 3207 §4.2). */
  #startTls(): void {
    const { host, ip } = this.target;
    const plain = this.#socket;
    this.#parser.reset();
    for (const [event, listener] of Object.entries(this.#listeners)) plain.off(event, listener);
    // Its errors come out of the TLS socket as well.
    plain.on("error", () => {});
    // Encryption is worth having without proof of identity (RFC 7435); `verified` says whether there was one.
    // RFC 6066 §3: no SNI for an address.
    const secure: TLSSocket = connectTls({
      socket: plain,
      host: ip,
      rejectUnauthorized: false,
      ...(isIP(host) ? {} : { servername: host }),
    });
    this.#socket = secure;
    this.#listen(secure);
    secure.once("secureConnect", () => {
      this.tls = {
        status: "encrypted",
        protocol: secure.getProtocol() ?? "unknown",
        cipher: secure.getCipher().name,
        verified: secure.authorized,
      };
      if (this.#opening) this.#performOpening(this.#opening.dialogue.secured());
    });
    this.#await("tls");
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "wait":
        return this.#await(effect.phase);
      case "send":
        this.#socket.write(effect.text);
        return this.#await(effect.phase);
      case "message":
        return this.#beginMessage(effect.wire);
      case "done": {
        const waiting = this.#waiting;
        this.#waiting = undefined;
        this.#unwritten = undefined;
        this.#deadline.lift();
        if (!this.usable) this.#close();
        return waiting?.resolve(effect.result);
      }
      case "close":
        return this.#close();
    }
  }

  #beginMessage(wire: Uint8Array): void {
    const waiting = this.#waiting;
    if (!waiting?.beforeMessage) return this.#writeMessage(wire);
    // Our own disk is waited for, not the server.
    this.#deadline.lift();
    void this.#writeMessageAfter(waiting.beforeMessage, waiting, wire);
  }

  async #writeMessageAfter(before: () => Promise<void>, waiting: Waiting, wire: Uint8Array): Promise<void> {
    try {
      await before();
    } catch (error) {
      if (this.#waiting === waiting) this.#waiting = undefined;
      waiting.reject(error);
      return this.destroy();
    }
    // Meanwhile the server may have hung up and this transaction be over.
    if (this.#waiting === waiting) this.#writeMessage(wire);
  }

  /** Writes until the socket's buffer is full; "drain" comes back here with what is left. */
  #writeMessage(wire: Uint8Array): void {
    let rest = wire;
    while (rest.length > BLOCK_OCTETS) {
      const flowing = this.#socket.write(rest.subarray(0, BLOCK_OCTETS));
      rest = rest.subarray(BLOCK_OCTETS);
      if (!flowing) {
        this.#unwritten = rest;
        return this.#deadline.set(this.#options.timeouts.blockMs);
      }
    }
    this.#unwritten = undefined;
    const last = Buffer.allocUnsafe(rest.length + END_OF_DATA.length);
    last.set(rest);
    last.set(END_OF_DATA, rest.length);
    this.#socket.write(last);
    if (this.#dialogue) this.#perform(this.#dialogue.messageSent());
  }

  #await(phase: Phase): void {
    this.#deadline.set(phaseTimeoutMs(this.#options.timeouts, phase));
  }

  #lost(loss: Loss): void {
    if (this.#opening) this.#performOpening(this.#opening.dialogue.lost(loss));
    else if (this.#dialogue && this.#waiting) this.#perform(this.#dialogue.lost(loss));
    this.#close();
  }

  #close(): void {
    this.#closed = true;
    this.#deadline.close();
    this.#socket.destroy();
  }
}

const END_OF_DATA = Buffer.from(".\r\n");

const GONE: TransactionResult = {
  kind: "deferred",
  phase: "mail",
  reason: "the connection was closed before it was used",
  transcript: [],
  tryNextHost: true,
};
