/**
 * A receiver of webhooks on loopback, whose answers are a function: it counts what it took by the event's id.
 */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";

export type Posted = { headers: IncomingHttpHeaders; body: string };
/**
 * A status; `undefined`: no answer at all; `cut`: a connection that ends within the head of one; `endless`: a 200 whose
 * body never ends, an octet a second.
 */
export type Answer = (posted: Posted) => number | "cut" | "endless" | undefined;

export class WebhookReceiver {
  readonly #server: Server;
  readonly #keep: boolean;
  /** How often each event was taken, by its id. */
  readonly taken = new Map<string, number>();
  /** All that came, when they are kept. */
  readonly posted: Posted[] = [];
  requests = 0;
  answer: Answer;

  /** `keep`: what came can be read; else it is only counted. */
  static async start(answer: Answer = () => 200, { keep = true } = {}): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(answer, keep);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  constructor(answer: Answer, keep: boolean) {
    this.answer = answer;
    this.#keep = keep;
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        this.requests += 1;
        const posted = { headers: request.headers, body: Buffer.concat(chunks).toString() };
        if (this.#keep) this.posted.push(posted);
        const answer = this.answer(posted);
        if (answer === undefined) return;
        if (answer === "cut") return void request.socket.end("HTTP/1.1 200 OK\r\ncontent-le");
        const id = String(posted.headers["webhook-id"]);
        if (answer === "endless" || answer < 300) this.taken.set(id, (this.taken.get(id) ?? 0) + 1);
        if (answer === "endless") drip(response);
        else response.writeHead(answer).end();
      });
    });
    // Longer than the gateway keeps an idle connection.
    this.#server.keepAliveTimeout = 60_000;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/hooks`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const drip = (response: ServerResponse): void => {
  response.writeHead(200).flushHeaders();
  const drops = setInterval(() => response.write("."), 1000);
  response.once("close", () => clearInterval(drops));
};
