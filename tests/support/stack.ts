/**
 * The whole service for a test: `gateway/selfhost/main.ts` as `npm start` runs it, on a free port and a folder of
 * its own, with small callers for what journeys do. It ends and kills only what it started.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PATIENCE_MS } from "./patience.ts";

export type StackOptions = {
  env?: Record<string, string>;
  /** A folder of an earlier stack: it goes on from there, and is not removed. */
  dataDir?: string;
  /** With `dataDir`: the key the first start printed. */
  apiKey?: string;
};

export type Event = {
  type: string;
  recipient: string;
  attempt?: number;
  reason?: string;
  phase?: string;
  reply?: { code: number; enhanced?: string; text: string };
  tls?: { status: string; error?: string };
  route?: { host: string; ip: string; port: number };
  transcript?: string[];
  next_attempt_at?: string;
  relay?: string;
  created_at: string;
};
export type Answer = { status: number; body: Record<string, unknown> };

const MOST = 1_000_000_000;
const UNLIMITED = {
  requests_per_second: MOST,
  recipients_per_10_minutes: MOST,
  recipients_per_24_hours: MOST,
  messages_per_sender_per_24_hours: MOST,
};

const MAIN = fileURLToPath(new URL("../../gateway/selfhost/main.ts", import.meta.url));

export class Stack {
  readonly url: string;
  readonly apiKey: string;
  readonly dataDir: string;
  readonly #child: ChildProcess;
  readonly #output: { text: string };
  readonly #keepData: boolean;

  constructor(parts: {
    url: string;
    apiKey: string;
    dataDir: string;
    child: ChildProcess;
    output: { text: string };
    keepData: boolean;
  }) {
    this.url = parts.url;
    this.apiKey = parts.apiKey;
    this.dataDir = parts.dataDir;
    this.#child = parts.child;
    this.#output = parts.output;
    this.#keepData = parts.keepData;
  }

  /** Of the account `default`. */
  get accountId(): string {
    return this.apiKey.split("_")[1] ?? "";
  }

  get adminToken(): string {
    return readFileSync(join(this.dataDir, "admin-token"), "utf8").trim();
  }

  /** All that the launcher and its children printed. */
  get log(): string {
    return this.#output.text;
  }

  pids(): { launcher: number; workerd: number; relay: number | undefined } {
    const read = (name: string): number | undefined => {
      const file = join(this.dataDir, "run", `${name}.pid`);
      return existsSync(file) ? Number(readFileSync(file, "utf8")) : undefined;
    };
    return { launcher: this.#child.pid ?? 0, workerd: read("workerd") ?? 0, relay: read("relay-1") };
  }

  async request(
    method: string,
    path: string,
    options: { body?: unknown; key?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${options.key ?? this.apiKey}`,
      "content-type": "application/json",
      ...options.headers,
    };
    const body =
      options.body === undefined
        ? undefined
        : typeof options.body === "string"
          ? options.body
          : JSON.stringify(options.body);
    const response = await fetch(new URL(path, this.url), { method, headers, ...(body === undefined ? {} : { body }) });
    return { status: response.status, body: JSON.parse(await response.text()) };
  }

  admin(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.request(method, path, { key: this.adminToken, body });
  }

  async createAccount(settings: Record<string, unknown> = {}): Promise<{ id: string; token: string; keyId: string }> {
    const { body } = await this.admin("POST", "/admin/accounts", { name: "test", limits: UNLIMITED, ...settings });
    const key = body["api_key"] as { id: string; token: string };
    return { id: String(body["id"]), token: key.token, keyId: key.id };
  }

  /** Sends a small mail; fails the test when it is refused. */
  async send(fields: Record<string, unknown> = {}, key = this.apiKey): Promise<string> {
    const answer = await this.request("POST", "/v1/emails", {
      key,
      body: { from: "App <app@sender.test>", to: "user@dest.test", subject: "Hello", text: "Hi", ...fields },
    });
    if (answer.status !== 200) throw new Error(`the send was refused: ${JSON.stringify(answer)}`);
    return String(answer.body["id"]);
  }

  async events(id: string): Promise<Event[]> {
    const { body } = await this.request("GET", `/v1/emails/${id}/events`);
    return body["data"] as Event[];
  }

  /** The types of an email's events, once `type` is among them `times` times. */
  async eventsUntil(id: string, type: string, { timeoutMs = PATIENCE_MS, times = 1 } = {}): Promise<Event[]> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const events = await this.events(id).catch(() => []);
      if (events.filter((event) => event.type === type).length >= times) return events;
      if (Date.now() > deadline)
        throw new Error(
          `no ${type} after ${timeoutMs} ms, only ${JSON.stringify(events, null, 1)}\n${this.log.slice(-4000)}`,
        );
      await wait(25);
    }
  }

  kill(which: "workerd" | "relay"): void {
    const pid = this.pids()[which];
    if (pid) process.kill(pid, "SIGKILL");
  }

  /** Waits until so many relays have joined. */
  async joined(relays: number, timeoutMs = PATIENCE_MS): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const health = await fetch(new URL("/healthz", this.url)).then(
        (response) => response.text(),
        () => "{}",
      );
      if (health.includes(`"relays":${relays}`)) return;
      if (Date.now() > deadline)
        throw new Error(`not ${relays} relays after ${timeoutMs} ms: ${health}\n${this.log.slice(-4000)}`);
      await wait(50);
    }
  }

  /** Drains as Ctrl-C does; the exit code of the launcher. */
  async stop(): Promise<number | null> {
    const code = await endOf(this.#child);
    if (!this.#keepData) rmSync(this.dataDir, { recursive: true, force: true });
    return code;
  }
}

const endOf = (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  return ended;
};

export const startStack = async (options: StackOptions = {}): Promise<Stack> => {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "hikyaku-stack-"));
  const env = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    HIKYAKU_PORT: "0",
    HIKYAKU_DATA: dataDir,
    ...options.env,
  };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = { text: "" };
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output.text = (output.text + chunk.toString()).slice(-200_000);
      const ready = /hikyaku ready (http:\S+)/.exec(output.text)?.[1];
      if (ready) resolve(ready);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) =>
      reject(new Error(`the service ended with ${code} before it was ready:\n${output.text}`)),
    );
  });
  const apiKey = options.apiKey ?? /hk_[0-9a-z_]+/.exec(output.text)?.[0] ?? "";
  const stack = new Stack({ url, apiKey, dataDir, child, output, keepData: options.dataDir !== undefined });
  // What tests do in a second an account of its own would be kept from: those of limits open theirs with limits.
  await stack.admin("PATCH", `/admin/accounts/${stack.accountId}`, { limits: UNLIMITED });
  return stack;
};
