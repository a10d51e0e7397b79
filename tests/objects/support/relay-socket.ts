/**
 * A relay node reduced to its socket: it joins through the Worker, keeps every frame, says what a test wants.
 *
 * It answers nothing by itself, not even `credit?`: whether the pool waits for the answer is what is tested.
 */
import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import type { OutcomeKind } from "#contract/outcome.ts";
import { Batch, PROTOCOL, ToRelay, joinFrame, splitFrame, type FromRelay } from "#contract/relay-protocol.ts";
import { outcomes } from "./account-scene.ts";

type Hello = Extract<FromRelay, { type: "hello" }>;

export type ReceivedBatch = {
  seq: number;
  account: string;
  count: number;
  lease: number;
  ks: number[];
  attempts: number[];
};

/** The Worker's answer to a relay that wants to join. */
export const knock = (token: string | undefined, pool = "default", upgrade = "websocket"): Promise<Response> =>
  exports.default.fetch(`https://gateway.test/relay/connect?pool=${pool}`, {
    headers: { upgrade, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  });

export const connectRelay = async (token: string, pool = "default"): Promise<RelaySocket> => {
  const { status, webSocket } = await knock(token, pool);
  if (!webSocket) throw new Error(`the relay was refused with ${status}`);
  return new RelaySocket(webSocket);
};

/** Joins and waits for the welcome. */
export const joinRelay = async (
  token: string,
  hello: Partial<Hello> = {},
  ...lines: string[]
): Promise<RelaySocket> => {
  const relay = await connectRelay(token);
  relay.sayHello(hello, ...lines);
  await relay.until("welcome");
  return relay;
};

export class RelaySocket {
  readonly #socket: WebSocket;
  readonly #heard: { frame: ToRelay; lines: string[] }[] = [];
  /** The code the gateway closed with. */
  closedWith: number | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { header, lines } = splitFrame(String(data));
      this.#heard.push({ frame: ToRelay.parse(JSON.parse(header)), lines });
    });
    socket.addEventListener("close", ({ code }) => {
      this.closedWith = code;
    });
    socket.accept();
  }

  sayHello(hello: Partial<Hello> = {}, ...lines: string[]): void {
    const whole: Hello = {
      type: "hello",
      protocol: PROTOCOL,
      version: "test",
      epoch: "first",
      free: 100,
      seen: 0,
      holding: [],
      parts: [],
      ...hello,
    };
    this.say(whole, ...lines);
  }

  say(frame: FromRelay, ...lines: string[]): void {
    this.#socket.send(joinFrame(frame, ...lines));
  }

  /** Sends what no relay would. */
  sayRaw(data: string | ArrayBuffer): void {
    this.#socket.send(data);
  }

  hangUp(): void {
    this.#socket.close(1000);
  }

  /** How many frames of this type came so far. */
  count(type: ToRelay["type"]): number {
    return this.#heard.filter(({ frame }) => frame.type === type).length;
  }

  /** Waits until `count` frames of this type have come. */
  async until(type: ToRelay["type"], count = 1): Promise<void> {
    await expect.poll(() => this.count(type), { interval: 5 }).toBeGreaterThanOrEqual(count);
  }

  batches(): ReceivedBatch[] {
    return this.#heard.flatMap(({ frame, lines }) => {
      if (frame.type !== "batch") return [];
      const { lease, deliveries } = Batch.parse(JSON.parse(lines[0] ?? ""));
      const ks = deliveries.map(({ k }) => k);
      return [{ ...frame, lease, ks, attempts: deliveries.map(({ attempt }) => attempt) }];
    });
  }

  /** Types of the frames that came, in order. */
  heard(): string[] {
    return this.#heard.map(({ frame }) => frame.type);
  }

  /** What it was told to let go of, in order. */
  recalled(): { account: string; ks: number[] }[] {
    return this.#heard.flatMap(({ frame }) =>
      frame.type === "recall" ? [{ account: frame.account, ks: frame.ks }] : [],
    );
  }

  /** The batch of this index; negative: from the end. */
  batch(index: number): ReceivedBatch {
    const batch = this.batches().at(index);
    if (batch === undefined) throw new Error(`there is no batch ${index}`);
    return batch;
  }

  /** Reports one outcome for all of a batch and waits for the acknowledgement; then it would take `free` more. */
  async report(batch: ReceivedBatch, kind: OutcomeKind, free = 100): Promise<void> {
    const { account, lease, ks } = batch;
    const seq = this.count("ack") + 1;
    const parts = [{ account, count: ks.length }];
    this.say({ type: "settled", seq, free, seen: this.batch(-1).seq, parts }, outcomes(lease, ks, kind));
    await this.until("ack", seq);
  }

  /** The deliveries given so far. */
  given(): number[] {
    return this.batches().flatMap(({ ks }) => ks);
  }

  /** Waits until this many deliveries were given. */
  async untilGiven(count: number): Promise<void> {
    await expect.poll(() => this.given().length, { interval: 5 }).toBeGreaterThanOrEqual(count);
  }

  async untilClosed(): Promise<number | undefined> {
    await expect.poll(() => this.closedWith, { interval: 5 }).toBeDefined();
    return this.closedWith;
  }
}

/** Long enough for a frame that must not come to have come. */
export const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 80));
