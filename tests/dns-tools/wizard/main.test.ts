/**
 * `npm run wizard` as a process: it answers on loopback, to loopback's names, and reads no long bodies.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { request } from "node:http";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDnsServer } from "../../support/dns-server.ts";

const start = async (settings: Record<string, string>): Promise<{ wizard: ChildProcess; port: number }> => {
  const env = { ...process.env, HIKYAKU_WIZARD_PORT: "0", ...settings };
  const wizard = spawn(process.execPath, ["dns-tools/wizard/main.ts"], { env, stdio: ["ignore", "pipe", "inherit"] });
  if (!wizard.stdout) throw new Error("it has no output");
  for await (const line of createInterface(wizard.stdout)) return { wizard, port: Number(/:(\d+)\/$/.exec(line)?.[1]) };
  throw new Error("it ended");
};

let wizard: ChildProcess;
let port = 0;

beforeAll(async () => {
  // Nobody listens there: nothing is looked up.
  ({ wizard, port } = await start({ HIKYAKU_DOH_URL: "https://127.0.0.1:1/dns-query" }));
});
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
});

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

test("a link that is too long is told on a page", async () => {
  const [status, html] = await ask("GET", `/check?domain=${"x".repeat(20_000)}`);
  expect(status).toBe(431);
  expect(html).toContain("<h1>That was too much for one link</h1>");
  expect(html.trimEnd()).toMatch(/<\/html>$/);
  expect((await ask("GET", "/"))[0]).toBe(200);
});

test("a zone leads it to no private host, unless the operator allows it", async () => {
  const dns = await startDnsServer({
    "_domainconnect.d.test": { txt: ["inside.d.test"] },
    // Nobody listens there, on the port of https.
    "inside.d.test": { a: ["127.0.0.1"] },
  });
  for (const [allowed, reason] of [
    ["0", "inside.d.test has no public address"],
    ["1", "inside.d.test could not be reached"],
  ] as const) {
    const own = await start({ HIKYAKU_DOH_URL: dns.dohUrl, HIKYAKU_ALLOW_PRIVATE: allowed });
    const query = "domain=d.test&include=spf.relay.test&return-path=send";
    const answer = await fetch(`http://127.0.0.1:${own.port}/domain-connect.json?${query}`);
    own.wizard.kill();
    expect(await answer.json(), allowed).toMatchObject({ discovery: { kind: "unknown", reason } });
  }
  await dns.close();
});
