/**
 * The relay's side of one pool's WebSocket: joins, takes batches, gives back outcomes, stays joined.
 *
 * Invariant: an outcome is kept until the gateway acknowledged it, and every hello says all of them again; what
 * is in hand and not finished is in every hello too. So whatever is lost on the way, the gateway knows what to
 * queue again. It does not deliver: `Work` does, which also tells how much more it would take.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "pino";
import WebSocket from "ws";
import type { Outcome } from "#contract/outcome.ts";
import {
  Batch,
  CLOSE,
  joinFrame,
  PING_INTERVAL_MS,
  PROTOCOL,
  SELF_FENCE_MS,
  splitFrame,
  ToRelay,
  type FromRelay,
} from "#contract/relay-protocol.ts";

/** What the session asks of the delivery loop. */
export type Work = {
  take(session: Session, batch: Batch): void;
  /** When it returns, none of these deliveries begins any more; what is under way goes on. */
  recall(account: string, ks: readonly number[]): void;
};

export type SessionOptions = {
  gatewayUrl: string;
  token: string;
  pool: string;
  epoch: string;
  version: string;
  /** Deliveries this session holds at most. */
  window: number;
  log: Logger;
  /** The gateway will not have us (`CLOSE.unauthorised`, `CLOSE.superseded`): the process stops. */
  onRefused: (reason: string) => void;
  /** The gateway has these outcomes, by journal id. */
  onAcknowledged: (ids: number[]) => void;
};

type Unacknowledged = { id: number; account: string; k: number; json: string };

/** Frames that may be under way at a time. */
const FRAMES_UNDER_WAY = 2;
/** With this many deliveries in hand nobody waits for one: their outcomes gather for a moment and go together. */
const BUSY_DELIVERIES = 50;
const GATHER_MS = 15;
const FRAME_LIMIT = 500;
/** Characters of outcomes in one frame, but for a single one that is longer: the gateway takes no frame of any size. */
const FRAME_LENGTH = 1_000_000;
const LIVE_POLL_MS = 50;
const CLOSING_MS = 1000;
const RECONNECT_MS = { first: 100, most: 5000 };

export class Session {
  readonly #options: SessionOptions;
  readonly #work: Work;
  /** In hand and not finished, by account. */
  readonly #holding = new Map<string, Set<number>>();
  #held = 0;
  /** Finished, not acknowledged, in order; the first `#sent` of them are in frames under way or in the hello. */
  #unacknowledged: Unacknowledged[] = [];
  #frames: { seq: number; count: number }[] = [];
  #sent = 0;
  #seq = 0;
  #seen = 0;
  #toldFree = 0;
  #socket: WebSocket | undefined;
  #welcomed = false;
  #lastSignMs = 0;
  #flushing = false;
  #draining = false;
  #stopped = false;

  constructor(options: SessionOptions, work: Work) {
    this.#options = options;
    this.#work = work;
  }

  get pool(): string {
    return this.#options.pool;
  }

  /** Joined, and the gateway was heard of lately: only then may an SMTP transaction begin (the self-fence). */
  get live(): boolean {
    return this.#welcomed && !this.#isCutOff;
  }

  get #isCutOff(): boolean {
    return performance.now() - this.#lastSignMs >= SELF_FENCE_MS;
  }

  /** Resolves when the session is live, at once when it is; or when it is stopped or `enough` says so. */
  async whenLive(enough: () => boolean = () => false): Promise<void> {
    while (!this.live && !this.#stopped && !enough()) await wait(LIVE_POLL_MS);
  }

  get unacknowledgedCount(): number {
    return this.#unacknowledged.length;
  }

  /** Joins and stays joined until `stop`. */
  async run(): Promise<void> {
    let delayMs = RECONNECT_MS.first;
    while (!this.#stopped) {
      const joined = await this.#connectOnce();
      delayMs = joined ? RECONNECT_MS.first : Math.min(RECONNECT_MS.most, delayMs * 2);
      // Jitter: after a deploy of the gateway not all relays come back in one moment.
      if (!this.#stopped) await wait(delayMs * (0.5 + Math.random()));
    }
  }

  /** Outcomes of an earlier process, out of its journal. */
  restore(id: number, account: string, outcome: Outcome): void {
    this.#unacknowledged.push({ id, account, k: outcome.k, json: JSON.stringify(outcome) });
  }

  /** A delivery is finished and its outcome durable in the journal as `id`. */
  finished(id: number, account: string, k: number, json: string): void {
    const held = this.#holding.get(account);
    if (held?.delete(k)) this.#held -= 1;
    if (held?.size === 0) this.#holding.delete(account);
    this.#unacknowledged.push({ id, account, k, json });
    this.#flushSoon();
  }

  /** Hands a message of the sandbox to its account; `false`: not joined. */
  sendTrapped(account: string, json: string): boolean {
    return this.#welcomed && this.#send({ type: "trapped", account }, json);
  }

  /** Takes no more batches; what it holds may finish. */
  drain(): void {
    this.#draining = true;
    if (this.#welcomed) this.#send({ type: "bye", done: false });
  }

  /** Leaves, with the closing handshake when the gateway answers it soon. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#welcomed && this.#held === 0 && this.#unacknowledged.length === 0)
      this.#send({ type: "bye", done: true });
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.close(1000, "the relay stops");
    await Promise.race([closed, wait(CLOSING_MS)]);
  }

  /** One connection from its opening to its end; whether it was ever welcomed. */
  #connectOnce(): Promise<boolean> {
    const { gatewayUrl, pool, token, log } = this.#options;
    const url = new URL(`/relay/connect?pool=${encodeURIComponent(pool)}`, gatewayUrl.replace(/^http/, "ws"));
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: 10_000,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    let joined = false;
    const pinger = setInterval(() => this.#ping(socket), PING_INTERVAL_MS);
    socket.on("open", () => this.#hello(socket));
    socket.on("message", (data, isBinary) => {
      // It was said before, and what we hold may be another's since: we join anew, and are told.
      if (this.#isCutOff) return socket.terminate();
      this.#lastSignMs = performance.now();
      // eslint-disable-next-line typescript/no-base-to-string -- `ws` gives text frames as a Buffer
      const problem = isBinary ? "a binary frame" : this.#receive(data.toString());
      if (problem !== undefined) {
        log.error({ event: "relay.malformed-frame", pool, problem });
        socket.close(4400, "malformed");
      }
      joined ||= this.#welcomed;
    });
    socket.on("error", (error) => log.warn({ event: "relay.connection-error", pool, error: error.message }));
    socket.on("unexpected-response", (_request, response) => this.#refused(response.statusCode ?? 0));
    return new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        clearInterval(pinger);
        this.#left(code, reason.toString());
        resolve(joined);
      });
    });
  }

  #hello(socket: WebSocket): void {
    this.#lastSignMs = performance.now();
    this.#seen = 0;
    this.#frames = [];
    const said = this.#nextOutcomes(0);
    this.#sent = said.length;
    const { epoch, version } = this.#options;
    const about = { protocol: PROTOCOL, version, epoch, recalls: true } as const;
    const { parts, lines } = groupByAccount(said);
    const holding = this.#holdingBeside(said.length);
    socket.send(joinFrame({ type: "hello", ...about, ...this.#credit(), holding, parts }, ...lines));
  }

  /** What fits into a frame, from the outcome at `start` on. */
  #nextOutcomes(start: number): Unacknowledged[] {
    let length = 0;
    let end = start;
    while (end < this.#unacknowledged.length && end - start < FRAME_LIMIT) {
      length += this.#unacknowledged[end]?.json.length ?? 0;
      if (end > start && length > FRAME_LENGTH) break;
      end += 1;
    }
    return this.#unacknowledged.slice(start, end);
  }

  /** What is in hand, and what is finished and will be told after the hello: neither may go back to the queue. */
  #holdingBeside(said: number): { account: string; ks: number[] }[] {
    const holding = new Map([...this.#holding].map(([account, ks]) => [account, [...ks]]));
    for (const { account, k } of this.#unacknowledged.slice(said)) {
      const ks = holding.get(account);
      if (ks) ks.push(k);
      else holding.set(account, [k]);
    }
    return Array.from(holding, ([account, ks]) => ({ account, ks }));
  }

  /** Reads one frame; a text when it is not in the protocol. */
  #receive(text: string): string | undefined {
    // Having said that it is done, it takes nothing more.
    if (this.#stopped) return undefined;
    if (text === "pong") return undefined;
    const { header, lines } = splitFrame(text);
    const frame = ToRelay.safeParse(parseJson(header));
    if (!frame.success) return `the header: ${frame.error.issues[0]?.message ?? ""}`;
    switch (frame.data.type) {
      case "welcome":
        return this.#welcome();
      case "ack":
        return this.#acknowledge(frame.data.seq);
      case "credit?":
        this.#tellCredit();
        return undefined;
      case "recall":
        this.#work.recall(frame.data.account, frame.data.ks);
        this.#send({ type: "recalled", seq: frame.data.seq });
        return undefined;
      case "batch": {
        const batch = Batch.safeParse(parseJson(lines[0] ?? ""));
        if (!batch.success)
          return `the batch: ${batch.error.issues[0]?.path.join(".")} ${batch.error.issues[0]?.message ?? ""}`;
        this.#seen = frame.data.seq;
        this.#hold(batch.data);
        return undefined;
      }
    }
  }

  #welcome(): undefined {
    this.#forget(this.#sent);
    this.#welcomed = true;
    this.#options.log.info({ event: "relay.joined", pool: this.pool });
    if (this.#draining) this.#send({ type: "bye", done: false });
    this.#flushSoon();
  }

  #hold(batch: Batch): void {
    let held = this.#holding.get(batch.account);
    if (!held) this.#holding.set(batch.account, (held = new Set()));
    for (const { k } of batch.deliveries) {
      // The same delivery under a newer lease is the same delivery: it is in hand already.
      if (!held.has(k)) this.#held += 1;
      held.add(k);
    }
    this.#work.take(this, batch);
  }

  #acknowledge(seq: number): string | undefined {
    const frame = this.#frames.shift();
    if (frame?.seq !== seq) return `an ack of frame ${seq}, which is not the next`;
    this.#forget(frame.count);
    this.#flushSoon();
    return undefined;
  }

  #forget(count: number): void {
    const gone = this.#unacknowledged.splice(0, count);
    this.#sent -= count;
    if (gone.length > 0) this.#options.onAcknowledged(gone.map(({ id }) => id));
  }

  /** Sends after this turn, or a moment later when busy, so that what finishes meanwhile goes together. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    const flush = (): void => {
      this.#flushing = false;
      this.#flush();
    };
    if (this.#held < BUSY_DELIVERIES) setImmediate(flush);
    else setTimeout(flush, GATHER_MS);
  }

  #flush(): void {
    while (this.#welcomed && this.#frames.length < FRAMES_UNDER_WAY && this.#sent < this.#unacknowledged.length) {
      const outcomes = this.#nextOutcomes(this.#sent);
      const { parts, lines } = groupByAccount(outcomes);
      this.#seq += 1;
      this.#frames.push({ seq: this.#seq, count: outcomes.length });
      this.#sent += outcomes.length;
      this.#send({ type: "settled", seq: this.#seq, ...this.#credit(), parts }, ...lines);
    }
    // Credit that grew while nothing was to be told would otherwise be known to us alone.
    if (this.#welcomed && this.#frames.length === 0 && this.#free !== this.#toldFree) this.#tellCredit();
  }

  get #free(): number {
    return this.#draining ? 0 : Math.max(0, this.#options.window - this.#held);
  }

  #credit(): { free: number; seen: number } {
    this.#toldFree = this.#free;
    return { free: this.#toldFree, seen: this.#seen };
  }

  #tellCredit(): void {
    this.#send({ type: "credit", ...this.#credit() });
  }

  #send(header: FromRelay, ...lines: string[]): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(joinFrame(header, ...lines));
    return true;
  }

  #ping(socket: WebSocket): void {
    if (this.#isCutOff) return socket.terminate();
    if (socket.readyState === WebSocket.OPEN) socket.send("ping");
  }

  #refused(status: number): void {
    this.#options.log.warn({ event: "relay.not-admitted", pool: this.pool, status });
    if (status === 401 || status === 403) this.#options.onRefused(`the gateway refused the relay token (${status})`);
    this.#socket?.terminate();
  }

  #left(code: number, reason: string): void {
    if (this.#welcomed) this.#options.log.warn({ event: "relay.left", pool: this.pool, code, reason });
    this.#welcomed = false;
    if (code === CLOSE.unauthorised || code === CLOSE.superseded) this.#options.onRefused(reason);
  }
}

const groupByAccount = (
  outcomes: readonly Unacknowledged[],
): { parts: { account: string; count: number }[]; lines: string[] } => {
  const byAccount = Map.groupBy(outcomes, ({ account }) => account);
  return {
    parts: [...byAccount].map(([account, list]) => ({ account, count: list.length })),
    lines: [...byAccount.values()].map((list) => `[${list.map(({ json }) => json).join(",")}]`),
  };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
