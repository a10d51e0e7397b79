/**
 * `npm run wizard` as a process: it answers on loopback, to loopback's names, and reads no long bodies.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { request } from "node:http";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";

let wizard: ChildProcess;
let port = 0;

beforeAll(async () => {
  // Nobody listens there: nothing is looked up.
  const env = { ...process.env, HIKYAKU_WIZARD_PORT: "0", HIKYAKU_DOH_URL: "https://127.0.0.1:1/dns-query" };
  wizard = spawn(process.execPath, ["dns-tools/wizard/main.ts"], { env, stdio: ["ignore", "pipe", "inherit"] });
  if (!wizard.stdout) throw new Error("it has no output");
  for await (const line of createInterface(wizard.stdout)) {
    port = Number(/:(\d+)\/$/.exec(line)?.[1]);
    break;
  }
}, 20_000);
afterAll(() => {
  wizard.kill();
});

const ask = (
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = "",
): Promise<[number, string]> =>
  new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path, headers: { host: `127.0.0.1:${port}`, ...headers } };
    request(options, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve([response.statusCode ?? 0, text]));
    })
      .on("error", reject)
      .end(body);
  });

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const UPDATE = "/publish/update?domain=d.test&ip=192.0.2.1";

test("pages, and forms of its own", async () => {
  const [status, html] = await ask("GET", "/");
  expect(status).toBe(200);
  expect(html).toContain("<form");
  const own = { ...FORM, origin: `http://127.0.0.1:${port}` };
  expect((await ask("POST", UPDATE, own, "plan=0"))[0]).toBe(409);
  expect((await ask("POST", UPDATE, { ...FORM, "sec-fetch-site": "same-origin" }, "plan=0"))[0]).toBe(409);
}, 20_000);

test("nobody else's", async () => {
  expect((await ask("POST", UPDATE, FORM, "plan=0"))[0]).toBe(403);
  expect((await ask("POST", UPDATE, { ...FORM, origin: "http://evil.test" }, "plan=0"))[0]).toBe(403);
  expect((await ask("GET", "/", { host: `evil.test:${port}` }))[0]).toBe(421);
  const rebound = { ...FORM, host: "evil.test", origin: "http://evil.test", "sec-fetch-site": "same-origin" };
  expect((await ask("POST", UPDATE, rebound, "plan=0"))[0]).toBe(421);
  expect((await ask("PUT", "/"))[0]).toBe(405);
});

test("a long body ends before its end", async () => {
  const announced = { ...FORM, "content-length": "99999999" };
  expect((await ask("POST", "/reports", announced, "x"))[0]).toBe(413);
  const own = { ...FORM, "sec-fetch-site": "same-origin" };
  expect((await ask("POST", UPDATE, own, "x".repeat(20_000)))[0]).toBe(413);
});
