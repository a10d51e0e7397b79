/**
 * The gateway as a relay node sees it, on loopback: one WebSocket a pool, and sealed keys and content beside it.
 *
 * It plays the protocol and keeps what it was told; what it should do wrong is set while it runs. Every frame of a
 * relay is read with the contract's schemas, so a relay that says something else fails its test.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { Outcome } from "#contract/outcome.ts";
import {
  type Batch,
  FromRelay,
  joinFrame,
  Outcomes,
  type SigningKeys,
  splitFrame,
  type ToRelay,
  Trapped,
} from "#contract/relay-protocol.ts";
import { seal, sealingKey } from "#contract/sealed.ts";

export const TOKEN = "hr_fake-relay-token";

type Told<T> = { account: string } & T;

export type FakeGateway = {
  readonly url: string;
  /** What it answers from here on. */
  readonly behaviour: Behaviour;
  /** Sockets taken so far, in order, open or not. */
  readonly links: readonly Link[];
  /** The newest socket. */
  readonly link: Link;
  /** Outcomes of all hellos and settled frames, in order; one told twice is here twice. */
  readonly outcomes: readonly Told<{ outcome: Outcome }>[];
  readonly trapped: readonly Told<{ message: Trapped }>[];
  /** Paths asked for over HTTP. */
  readonly requests: readonly string[];
  close(): Promise<void>;
};

export type Behaviour = {
  /** Answers the hello. */
  welcomes: boolean;
  /** Acknowledges each settled frame. */
  acknowledges: boolean;
  answersPings: boolean;
  /** Refuses the WebSocket with this HTTP status. */
  refusesWith?: number;
  /** What HTTP answers by path, without the query; a text for 200. */
  answers: Record<string, string | { status: number }>;
  /** Signing keys by `account/domain`. */
  keys: Record<string, SigningKeys>;
};

/** One connection of a relay. */
export class Link {
  readonly pool: string;
  readonly authorization: string;
  /** Headers of its frames, in order. */
  readonly frames: FromRelay[] = [];
  pings = 0;
  /** How the relay ended it. */
  closed: { code: number; reason: string } | undefined;
  readonly #socket: WebSocket;
  #batches = 0;

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.#socket = socket;
    this.pool = new URL(request.url ?? "", "ws://gateway.test").searchParams.get("pool") ?? "";
    this.authorization = request.headers.authorization ?? "";
    socket.on("close", (code, reason) => (this.closed = { code, reason: reason.toString() }));
  }

  get hello(): Extract<FromRelay, { type: "hello" }> | undefined {
    return this.frames.find((frame) => frame.type === "hello");
  }

  /** How many more deliveries the relay said last that it wants. */
  get free(): number | undefined {
    return this.frames.findLast((frame) => "free" in frame)?.free;
  }

  send(header: ToRelay, ...lines: string[]): void {
    this.sendText(joinFrame(header, ...lines));
  }

  sendBatch(batch: Batch): void {
    this.#batches += 1;
    const header = { account: batch.account, count: batch.deliveries.length };
    this.send({ type: "batch", seq: this.#batches, ...header }, JSON.stringify(batch));
  }

  sendText(text: string | Buffer): void {
    this.#socket.send(text);
  }

  close(code: number, reason = ""): void {
    this.#socket.close(code, reason);
  }

  /** As a network that breaks: no close frame. */
  cut(): void {
    this.#socket.terminate();
  }
}

export const startFakeGateway = async (behaviour: Partial<Behaviour> = {}): Promise<FakeGateway> => {
  const house = new House({
    ...{ welcomes: true, acknowledges: true, answersPings: true, answers: {}, keys: {} },
    ...behaviour,
  });
  const server = createServer((request, response) => void house.answer(request, response));
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    const status = house.behaviour.refusesWith;
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\n\r\n`);
    sockets.handleUpgrade(request, socket, head, (client) => house.take(client, request));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // Listening on TCP: never a pipe's path or null.
  return {
    url: `http://127.0.0.1:${port}`,
    behaviour: house.behaviour,
    links: house.links,
    get link() {
      const link = house.links.at(-1);
      if (!link) throw new Error("no relay has joined");
      return link;
    },
    outcomes: house.outcomes,
    trapped: house.trapped,
    requests: house.requests,
    close: async () => {
      for (const link of house.links) link.cut();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

class House {
  readonly behaviour: Behaviour;
  readonly links: Link[] = [];
  readonly outcomes: Told<{ outcome: Outcome }>[] = [];
  readonly trapped: Told<{ message: Trapped }>[] = [];
  readonly requests: string[] = [];
  readonly #sealing = sealingKey(TOKEN, "relay-keys");

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
  }

  take(socket: WebSocket, request: IncomingMessage): void {
    const link = new Link(socket, request);
    this.links.push(link);
    socket.on("message", (data) => {
      // eslint-disable-next-line typescript/no-base-to-string -- `ws` gives text frames as a Buffer
      const text = data.toString();
      if (text === "ping") {
        link.pings += 1;
        if (this.behaviour.answersPings) socket.send("pong");
      } else this.#hear(link, text);
    });
  }

  #hear(link: Link, text: string): void {
    const { header, lines } = splitFrame(text);
    const frame = FromRelay.parse(JSON.parse(header));
    link.frames.push(frame);
    switch (frame.type) {
      case "hello":
        this.#note(frame.parts, lines);
        if (this.behaviour.welcomes)
          link.send({ type: "welcome", relay: "relay-1", name: "relay one", pool: link.pool });
        return;
      case "settled":
        this.#note(frame.parts, lines);
        if (this.behaviour.acknowledges) link.send({ type: "ack", seq: frame.seq });
        return;
      case "trapped":
        this.trapped.push({ account: frame.account, message: Trapped.parse(JSON.parse(lines[0] ?? "")) });
        return;
      case "credit":
      case "recalled":
      case "bye":
    }
  }

  #note(parts: readonly { account: string; count: number }[], lines: readonly string[]): void {
    if (lines.length !== parts.length) throw new Error(`${parts.length} parts and ${lines.length} lines`);
    for (const [index, { account, count }] of parts.entries()) {
      const outcomes = Outcomes.parse(JSON.parse(lines[index] ?? ""));
      if (outcomes.length !== count) throw new Error(`${count} outcomes told and ${outcomes.length} sent`);
      for (const outcome of outcomes) this.outcomes.push({ account, outcome });
    }
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    this.requests.push(path);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return void response.writeHead(401).end();
    const [, account, domain] = /^\/relay\/accounts\/(\w+)\/keys\/([^/?]+)$/.exec(path) ?? [];
    const keys = this.behaviour.keys[`${account}/${domain}`];
    const answer = this.behaviour.answers[path.replace(/\?.*/, "")] ?? (keys && (await this.#seal(keys)));
    if (typeof answer === "string") response.end(answer);
    else response.writeHead(answer?.status ?? 404).end();
  }

  async #seal(keys: SigningKeys): Promise<string> {
    return seal(await this.#sealing, JSON.stringify(keys), crypto.getRandomValues(new Uint8Array(12)));
  }
}
