/**
 * The first part of a session, without I/O: greeting, EHLO or HELO, STARTTLS, AUTH.
 *
 * Each input gives exactly one effect for the socket's owner to carry out. What the server said before TLS
 * counts for nothing after it (RFC 3207 §4.2). Credentials are said only over TLS, or to loopback, and never
 * reach the transcript. It does not send mail (`dialogue.ts`) and keeps no time.
 */
import type { Phase, Reply } from "#contract/reply.ts";
import { type AuthMechanism, type Capabilities, NO_CAPABILITIES, parseCapabilities } from "./capabilities.ts";
import { advances, classify } from "./classify.ts";
import { type Loss, lossReason } from "./loss.ts";
import type { ParsedReply } from "./reply.ts";
import type { OpenFailure, Target } from "./transaction.ts";
import type { Transcript } from "./transcript.ts";

/**
 * - `wait`: for the server's next reply, for as long as `phase` may take
 * - `send`: the text, then wait
 * - `start-tls`: drop what is buffered, shake hands, then `secured` or `lost`
 * - `open`: mail may be sent. `tlsError`: STARTTLS was offered and refused, the session is in the clear
 * - `failed`: close
 */
export type OpeningEffect =
  | { kind: "wait"; phase: Phase }
  | { kind: "send"; text: string; phase: Phase }
  | { kind: "start-tls" }
  | { kind: "open"; capabilities: Capabilities; tlsError?: string }
  | { kind: "failed"; failure: OpenFailure };

type Step = "connect" | "greeting" | "ehlo" | "helo" | "starttls" | "handshake" | "auth" | "auth-user" | "auth-pass";

const PHASES: Record<Step, Phase> = {
  connect: "connect",
  greeting: "greeting",
  ehlo: "ehlo",
  helo: "ehlo",
  starttls: "tls",
  handshake: "tls",
  auth: "auth",
  "auth-user": "auth",
  "auth-pass": "auth",
};

export class Opening {
  readonly #target: Target;
  readonly #heloName: string;
  readonly #transcript: Transcript;
  #step: Step = "connect";
  #encrypted = false;
  #capabilities: Capabilities = NO_CAPABILITIES;
  #tlsError: string | undefined;

  constructor(target: Target, heloName: string, transcript: Transcript) {
    this.#target = target;
    this.#heloName = heloName;
    this.#transcript = transcript;
  }

  /** The TCP connection stands. */
  connected(): OpeningEffect {
    if (this.#target.tls !== "implicit") return this.#wait("greeting");
    this.#step = "handshake";
    return { kind: "start-tls" };
  }

  /** The TLS handshake is done. */
  secured(): OpeningEffect {
    this.#encrypted = true;
    this.#capabilities = NO_CAPABILITIES;
    return this.#target.tls === "implicit" ? this.#wait("greeting") : this.#ehlo();
  }

  reply(parsed: ParsedReply): OpeningEffect {
    this.#transcript.server(parsed.lines);
    if (parsed.kind === "malformed") return this.lost({ kind: "malformed", problem: parsed.problem });
    const { reply } = parsed;
    const welcome = advances(PHASES[this.#step], reply.code);
    switch (this.#step) {
      case "greeting":
        return welcome ? this.#ehlo() : this.#refused(reply);
      case "ehlo":
        if (welcome) {
          this.#capabilities = parseCapabilities(reply.text);
          return this.#afterHello();
        }
        // RFC 5321 §3.2: a server that does not know EHLO may still know HELO.
        return reply.code >= 500 ? this.#send("helo", `HELO ${this.#heloName}`) : this.#refused(reply);
      case "helo":
        return welcome ? this.#afterHello() : this.#refused(reply);
      case "starttls":
        return this.#startTlsAnswered(reply);
      case "auth":
      case "auth-user":
      case "auth-pass":
        return welcome ? this.#open() : this.#authAnswered(reply);
      case "connect":
      case "handshake":
        return this.#fail({ reason: "the server spoke before TLS stood" });
    }
  }

  /** The connection broke, a deadline passed or the server talks nonsense. */
  lost(loss: Loss): OpeningEffect {
    const reason = lossReason(loss);
    const inTls = this.#step === "starttls" || this.#step === "handshake";
    return this.#fail(inTls ? { reason: `TLS handshake: ${reason}`, tlsFailed: reason } : { reason });
  }

  #ehlo(): OpeningEffect {
    return this.#send("ehlo", `EHLO ${this.#heloName}`);
  }

  #afterHello(): OpeningEffect {
    const { tls } = this.#target;
    if (this.#encrypted || tls === "none") return this.#authenticate();
    if (this.#capabilities.startTls) return this.#send("starttls", "STARTTLS");
    if (tls === "opportunistic") return this.#authenticate();
    this.#step = "starttls";
    return this.#fail({ reason: "TLS is required and the server offers no STARTTLS" });
  }

  #startTlsAnswered(reply: Reply): OpeningEffect {
    if (advances("tls", reply.code)) {
      this.#step = "handshake";
      return { kind: "start-tls" };
    }
    if (reply.code === 421 || this.#target.tls === "required") return this.#refused(reply);
    this.#tlsError = `STARTTLS refused: ${reply.code} ${reply.text}`;
    return this.#authenticate();
  }

  #authenticate(): OpeningEffect {
    const { auth, ip } = this.#target;
    if (auth === undefined) return this.#open();
    this.#step = "auth";
    if (!this.#encrypted && !isLoopback(ip)) return this.#fail({ reason: "credentials are not sent without TLS" });
    const mechanism: AuthMechanism | undefined = this.#capabilities.auth[0];
    switch (mechanism) {
      case "PLAIN":
        // RFC 4616 §2, with the initial response of RFC 4954 §4.
        return this.#send("auth", `AUTH PLAIN ${base64(`\0${auth.user}\0${auth.pass}`)}`, "AUTH PLAIN ***");
      case "LOGIN":
        return this.#send("auth-user", "AUTH LOGIN");
      case undefined:
        return this.#fail({ reason: "the server offers neither AUTH PLAIN nor AUTH LOGIN" });
    }
  }

  #authAnswered(reply: Reply): OpeningEffect {
    const { auth } = this.#target;
    if (reply.code === 334 && auth !== undefined) {
      if (this.#step === "auth-user") return this.#send("auth-pass", base64(auth.user), "***");
      if (this.#step === "auth-pass") return this.#send("auth", base64(auth.pass), "***");
    }
    return this.#refused(reply);
  }

  #open(): OpeningEffect {
    const capabilities = this.#capabilities;
    return this.#tlsError === undefined
      ? { kind: "open", capabilities }
      : { kind: "open", capabilities, tlsError: this.#tlsError };
  }

  #wait(step: Step): OpeningEffect {
    this.#step = step;
    return { kind: "wait", phase: PHASES[step] };
  }

  #send(step: Step, command: string, shown = command): OpeningEffect {
    this.#step = step;
    this.#transcript.client(shown);
    return { kind: "send", text: `${command}\r\n`, phase: PHASES[step] };
  }

  #refused(reply: Reply): OpeningEffect {
    const { kind, reason } = classify(PHASES[this.#step], reply.code, reply.enhanced);
    return this.#fail({ kind: kind === "bounced" ? "bounced" : "deferred", reply, reason });
  }

  #fail(failure: { reason: string } & Partial<OpenFailure>): OpeningEffect {
    const phase = PHASES[this.#step];
    return { kind: "failed", failure: { kind: "deferred", phase, transcript: this.#transcript.take(), ...failure } };
  }
}

const isLoopback = (ip: string): boolean => ip.startsWith("127.") || ip === "::1";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
