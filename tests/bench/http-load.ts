/**
 * A closed-loop HTTP/1.1 load: `clients` keep-alive connections, each with one request under way. It speaks
 * over raw sockets and reads no more of a response than its status, length and body, so that on two cores
 * the load generator takes as little as it can from what it measures.
 */
import { connect, type Socket } from "node:net";
import { sleep } from "./processes.ts";

export type LoadOptions = {
  url: URL;
  apiKey: string;
  clients: number;
  /** Requests in all. */
  total: number;
  body: (index: number) => string;
  headers?: (index: number) => Record<string, string>;
  /** Open loop: requests begin at this rate, however long they take; latencies count from when they should begin. */
  perSecond?: number;
};

export type LoadResult = {
  sent: number;
  seconds: number;
  ratePerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Responses by status code. */
  statuses: Record<string, number>;
  /** The ids in every 200, in the order they came. */
  ids: string[];
};

const ID = /"id":"([0-9a-f-]{36})"/g;

type Response = { status: number; body: string };

export const runLoad = async (options: LoadOptions): Promise<LoadResult> => {
  const latenciesMs: number[] = [];
  const statuses: Record<string, number> = {};
  const ids: string[] = [];
  let next = 0;
  const startedAt = performance.now();
  const client = async (): Promise<void> => {
    const connection = await Connection.open(options.url);
    while (next < options.total) {
      const index = next++;
      const dueAt = options.perSecond === undefined ? undefined : startedAt + (index * 1000) / options.perSecond;
      if (dueAt !== undefined) await sleep(Math.max(0, dueAt - performance.now()));
      const began = dueAt ?? performance.now();
      const response = await connection.request(requestText(options, index));
      latenciesMs.push(performance.now() - began);
      statuses[response.status] = (statuses[response.status] ?? 0) + 1;
      if (response.status === 200) for (const [, id = ""] of response.body.matchAll(ID)) ids.push(id);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: options.clients }, client));
  const seconds = (performance.now() - startedAt) / 1000;
  latenciesMs.sort((a, b) => a - b);
  const quantile = (q: number): number => round(latenciesMs[Math.floor(latenciesMs.length * q)] ?? 0);
  return {
    sent: options.total,
    seconds: round(seconds),
    ratePerSecond: Math.round(options.total / seconds),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    statuses,
    ids,
  };
};

const round = (value: number): number => Math.round(value * 100) / 100;

const requestText = ({ url, apiKey, body, headers }: LoadOptions, index: number): string => {
  const text = body(index);
  const extra = Object.entries(headers?.(index) ?? {})
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${apiKey}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n${extra}\r\n${text}`;
};

/** One keep-alive connection. */
class Connection {
  readonly #socket: Socket;
  #received = "";
  #waiting: { resolve: (response: Response) => void; reject: (error: Error) => void } | undefined;

  static async open(url: URL): Promise<Connection> {
    const socket = connect(Number(url.port), url.hostname);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Connection(socket);
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => this.#read(chunk));
    const fail = (error?: Error): void =>
      this.#waiting?.reject(error ?? new Error("the connection closed before the response"));
    socket.on("error", fail).on("close", () => fail());
  }

  request(text: string): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.#waiting = { resolve, reject };
    this.#socket.write(text);
    return promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    this.#received += chunk;
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < headEnd + 4 + length) return;
    const body = this.#received.slice(headEnd + 4, headEnd + 4 + length);
    this.#received = this.#received.slice(headEnd + 4 + length);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ status: Number(head.slice(9, 12)), body });
  }
}
