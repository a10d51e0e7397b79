/**
 * A gateway that answers from a table and writes down what it was asked; and a command line run against it.
 */
import { createServer } from "node:http";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "../../../gateway/cli/program.ts";

/** By `METHOD /path`; of a list each call takes the next, and the last stays. */
export type Script = Record<string, Reply | Reply[]>;
type Reply = { status?: number; body?: unknown; text?: string; headers?: Record<string, string> };

export type Asked = { what: string; token: string | undefined; body: unknown };

export const startFakeApi = async (script: Script): Promise<{ url: string; asked: Asked[]; stop: () => void }> => {
  const asked: Asked[] = [];
  const turns = new Map<string, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const what = `${request.method} ${request.url}`;
      const text = Buffer.concat(chunks).toString();
      const body: unknown = text === "" ? undefined : JSON.parse(text);
      asked.push({ what, token: request.headers.authorization, body });
      const replies = [
        script[what] ?? { status: 404, body: { statusCode: 404, name: "not_found", message: "nothing" } },
      ].flat();
      const turn = turns.get(what) ?? 0;
      turns.set(what, turn + 1);
      const reply = replies[Math.min(turn, replies.length - 1)] ?? {};
      response.writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers });
      response.end(reply.text ?? JSON.stringify(reply.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, asked, stop: () => server.close() };
};

export type Run = { exit: number; out: string; err: string };

/** Runs one command in this process, in an empty directory unless `cwd` is given. */
export const run = async (args: string[], env: Record<string, string> = {}, cwd?: string): Promise<Run> => {
  const out: string[] = [];
  const err: string[] = [];
  const exit = await runCli(args, {
    env,
    cwd: cwd ?? mkdtempSync(join(tmpdir(), "hikyaku-cli-")),
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  });
  return { exit, out: out.join("\n"), err: err.join("\n") };
};
