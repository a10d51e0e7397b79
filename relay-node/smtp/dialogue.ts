/**
 * The mail transactions of an open session, without I/O: MAIL, RCPT, DATA, the message, the dot.
 *
 * Each input gives exactly one effect for the socket's owner to carry out. Invariant: every command written
 * has its reply read before the transaction ends, or `usable` is false; so no reply is ever taken for the
 * answer to a later mail. It keeps no time, opens nothing (`opening.ts`) and decides no retry.
 */
import type { Phase, Reply } from "#contract/reply.ts";
import type { Capabilities } from "./capabilities.ts";
import { advances, classify } from "./classify.ts";
import { prepareMessage } from "./dot-stuffing.ts";
import { formatEnvelope } from "./envelope.ts";
import { type Loss, lossReason } from "./loss.ts";
import type { ParsedReply } from "./reply.ts";
import type { Transaction, TransactionResult } from "./transaction.ts";
import type { Transcript } from "./transcript.ts";

/**
 * - `wait`: for the next reply, for as long as `phase` may take
 * - `send`: the text in one write, then wait
 * - `message`: write these bytes, then `.` CRLF; call `messageSent` when the dot is handed to the socket
 * - `done`: the transaction is over; close the connection if `usable` is false
 * - `close`: no transaction is open and the session is of no more use
 */
export type Effect =
  | { kind: "wait"; phase: Phase }
  | { kind: "send"; text: string; phase: Phase }
  | { kind: "message"; wire: Uint8Array }
  | { kind: "done"; result: TransactionResult }
  | { kind: "close" };

type Step = "rset" | "mail" | "rcpt" | "data" | "dot";

const PHASES: Record<Step, Phase> = { rset: "mail", mail: "mail", rcpt: "rcpt", data: "data", dot: "dot" };
const FRESH: readonly Step[] = ["mail", "rcpt", "data", "dot"];
/** After a refusal that left the server inside a transaction. */
const AFTER_REFUSAL: readonly Step[] = ["rset", ...FRESH];

type Verdict = Omit<TransactionResult, "transcript">;

type Running = {
  steps: readonly Step[];
  /** Replies read; `steps[answered]` is the step awaited. */
  answered: number;
  mail: string;
  rcpt: string;
  wire: Uint8Array;
  messageOctets: number;
  /** The refusal that decided it, while replies to what was pipelined behind are still to come. */
  verdict: Verdict | undefined;
  mailAccepted: boolean;
  /** A dot was written, the message's or the one that ends an unwanted DATA. */
  dotSent: boolean;
};

export class Dialogue {
  readonly #capabilities: Capabilities;
  readonly #transcript: Transcript;
  #running: Running | undefined;
  #needsReset = false;
  #usable = true;

  constructor(capabilities: Capabilities, transcript: Transcript) {
    this.#capabilities = capabilities;
    this.#transcript = transcript;
  }

  /** False once the server said 421, was lost, or answered so that nobody knows what it answers next. */
  get usable(): boolean {
    return this.#usable;
  }

  /** Starts a transaction; one at a time, and only while `usable`. */
  begin(transaction: Transaction): Effect {
    if (this.#running || !this.#usable) throw new Error("a transaction was begun on a busy or closed session");
    const { wire, eightBit } = prepareMessage(transaction.message);
    const envelope = formatEnvelope(transaction, eightBit, this.#capabilities);
    if (envelope.kind === "refused") {
      const { reason, otherHostMay: tryNextHost } = envelope;
      return this.#done({ kind: "bounced", phase: "local", reason, tryNextHost });
    }
    this.#running = {
      steps: this.#needsReset ? AFTER_REFUSAL : FRESH,
      answered: 0,
      mail: envelope.mail,
      rcpt: envelope.rcpt,
      wire,
      messageOctets: transaction.message.length,
      verdict: undefined,
      mailAccepted: false,
      dotSent: false,
    };
    return this.#sendCommands(this.#running);
  }

  reply(parsed: ParsedReply): Effect {
    this.#transcript.server(parsed.lines);
    const running = this.#running;
    if (!running) {
      // "421 idle too long", or an answer to nothing.
      this.#usable = false;
      return { kind: "close" };
    }
    if (parsed.kind === "malformed") return this.lost({ kind: "malformed", problem: parsed.problem });

    const { reply } = parsed;
    const step = this.#stepOf(running);
    if (step === "dot" && !running.dotSent) return this.#interrupted(reply);
    const advanced = advances(PHASES[step], reply.code);
    if (!advanced) {
      running.verdict ??= verdictOf(PHASES[step], reply);
      // RFC 5321 §3.8. And a 2yz or 3yz out of place, or a refused RSET: the server is elsewhere than we think.
      if (reply.code === 421 || reply.code < 400 || step === "rset") this.#usable = false;
      if (!this.#usable) return this.#end(running.verdict);
    }
    running.answered++;
    switch (step) {
      case "rset":
        return this.#proceed(running);
      case "mail":
        running.mailAccepted = advanced;
        return this.#proceed(running);
      case "rcpt":
        return this.#proceed(running);
      case "data":
        if (!advanced) return this.#end(running.verdict);
        return running.verdict ? this.#endUnwantedData(running) : { kind: "message", wire: running.wire };
      case "dot":
        return this.#end(running.verdict ?? verdictOf("dot", reply));
    }
  }

  /** The last octets, the dot included, were handed to the socket: from here on a silence is `unknown`. */
  messageSent(): Effect {
    const running = this.#running;
    if (!running) throw new Error("a message was sent outside a transaction");
    running.dotSent = true;
    this.#transcript.client(`<${running.messageOctets} octets of message>`);
    return { kind: "wait", phase: "dot" };
  }

  /** The connection broke, a deadline passed or the server talks nonsense. */
  lost(loss: Loss): Effect {
    this.#usable = false;
    const running = this.#running;
    if (!running) return { kind: "close" };
    if (running.verdict) return this.#end(running.verdict);
    const reason = lossReason(loss);
    if (running.dotSent) return this.#end({ kind: "unknown", phase: "dot", reason, tryNextHost: false });
    const step = this.#stepOf(running);
    const phase = step === "dot" ? "data" : PHASES[step];
    return this.#end({ kind: "deferred", phase, reason, tryNextHost: true });
  }

  #stepOf(running: Running): Step {
    const step = running.steps[running.answered];
    if (step === undefined) throw new Error("a transaction went on after its last step");
    return step;
  }

  /** With PIPELINING all commands go in one write, DATA last (RFC 2920 §3.1); else the next one. */
  #sendCommands(running: Running): Effect {
    const phase = PHASES[this.#stepOf(running)];
    const pending = this.#capabilities.pipelining ? running.steps : [this.#stepOf(running)];
    let text = "";
    for (const step of pending) {
      const command = commandOf(step, running);
      if (command === undefined) break;
      this.#transcript.client(command);
      text += `${command}\r\n`;
    }
    return { kind: "send", text, phase };
  }

  #proceed(running: Running): Effect {
    if (this.#capabilities.pipelining) return { kind: "wait", phase: PHASES[this.#stepOf(running)] };
    return running.verdict ? this.#end(running.verdict) : this.#sendCommands(running);
  }

  /** RFC 2920 §3.1: 354 though the envelope was refused. An empty message ends it; its reply changes nothing. */
  #endUnwantedData(running: Running): Effect {
    running.dotSent = true;
    this.#transcript.client(".");
    return { kind: "send", text: ".\r\n", phase: "dot" };
  }

  /** A reply before the dot: the server stopped listening. What was written of the message cannot be ended well. */
  #interrupted(reply: Reply): Effect {
    this.#usable = false;
    return this.#end(verdictOf("data", reply));
  }

  #end(verdict: Verdict | undefined): Effect {
    const running = this.#running;
    if (!running || !verdict) throw new Error("a transaction ended without a verdict");
    this.#running = undefined;
    this.#needsReset = running.mailAccepted && !running.dotSent;
    return this.#done(verdict);
  }

  #done(verdict: Verdict): Effect {
    return { kind: "done", result: { ...verdict, transcript: this.#transcript.take() } };
  }
}

const commandOf = (step: Step, running: Running): string | undefined => {
  switch (step) {
    case "rset":
      return "RSET";
    case "mail":
      return running.mail;
    case "rcpt":
      return running.rcpt;
    case "data":
      return "DATA";
    case "dot":
      return undefined;
  }
};

const verdictOf = (phase: Phase, reply: Reply): Verdict => {
  const { kind, scope, reason } = classify(phase, reply.code, reply.enhanced);
  if (kind === "delivered") return { kind, phase, reply, tryNextHost: false };
  return { kind, phase, reply, reason, tryNextHost: scope === "server" };
};
