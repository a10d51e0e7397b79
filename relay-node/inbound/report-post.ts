/**
 * Reports on their way to the gateway: `POST /relay/inbound/reports`, as many together as wait while a post is out.
 *
 * Nothing is kept here: what cannot be told now is `unavailable`, and the server that sent the mail keeps it and comes
 * again. What waits is bounded. Never rejects.
 */
import type { Logger } from "pino";
import { type InboundReport, REPORTS_A_POST, type ReportVerdict, ReportVerdicts } from "#contract/inbound.ts";

/** Posts under way at once. */
const POSTS = 2;
const POST_TIMEOUT_MS = 20_000;
/** Characters of one post (one report may be more), and of all that wait. */
const POST_LENGTH = 1_000_000;
const WAITING_LENGTH = 16_000_000;

export type Told = ReportVerdict | "unavailable";
type Waiting = { json: string; tell: (verdict: Told) => void };

export class ReportPost {
  readonly #url: URL;
  readonly #token: string;
  readonly #log: Logger;
  readonly #waiting: Waiting[] = [];
  #waitingLength = 0;
  #posts = 0;

  constructor(gatewayUrl: string, token: string, log: Logger) {
    this.#url = new URL("/relay/inbound/reports", gatewayUrl);
    this.#token = token;
    this.#log = log;
  }

  tell(report: InboundReport): Promise<Told> {
    const json = JSON.stringify(report);
    if (this.#waitingLength + json.length > WAITING_LENGTH) return Promise.resolve("unavailable");
    const { promise, resolve } = Promise.withResolvers<Told>();
    this.#waiting.push({ json, tell: resolve });
    this.#waitingLength += json.length;
    void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    if (this.#posts >= POSTS) return;
    this.#posts += 1;
    // What comes in the same turn goes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#next();
      const verdicts = await this.#post(batch);
      for (const [index, { tell }] of batch.entries()) tell(verdicts[index] ?? "unavailable");
    }
    this.#posts -= 1;
  }

  #next(): Waiting[] {
    let count = 0;
    let length = 0;
    for (const { json } of this.#waiting) {
      if (count === REPORTS_A_POST || (count > 0 && length + json.length > POST_LENGTH)) break;
      count += 1;
      length += json.length;
    }
    this.#waitingLength -= length;
    return this.#waiting.splice(0, count);
  }

  async #post(batch: readonly Waiting[]): Promise<readonly Told[]> {
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
        body: `{"reports":[${batch.map(({ json }) => json).join(",")}]}`,
        signal: AbortSignal.timeout(POST_TIMEOUT_MS),
      });
      if (response.ok) return ReportVerdicts.parse(await response.json()).verdicts;
      await response.body?.cancel();
      this.#log.warn({ event: "inbound.not-told", count: batch.length, status: response.status });
    } catch (error) {
      this.#log.warn({ event: "inbound.not-told", count: batch.length, error: String(error) });
    }
    return [];
  }
}
