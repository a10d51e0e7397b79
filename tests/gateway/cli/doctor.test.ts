import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { lockDataDirectory } from "../../../gateway/selfhost/data-directory.ts";
import { run, type Script, startFakeApi } from "./fake-api.ts";

/** No network is asked: the DNS server is a closed port on loopback. */
const NO_DNS = { HIKYAKU_DNS: "127.0.0.1:9" };
const NOBODY = "http://127.0.0.1:9";
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const gateway = async (script: Script): Promise<string> => {
  const api = await startFakeApi(script);
  stops.push(api.stop);
  return api.url;
};

/** An SMTP server as far as its greeting; its `host:port`. */
const listener = async (greeting: string): Promise<string> => {
  const server = createServer((socket) => socket.on("error", () => {}).end(greeting));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => server.close());
  const address = server.address();
  return `127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
};

/** Statuses by check, texts by check, and the exit status. */
const diagnose = async (args: string[], env: Record<string, string> = {}, cwd?: string) => {
  const answer = await run(["doctor", "--json", ...args], { ...NO_DNS, ...env }, cwd);
  const { findings }: { findings: { check: string; status: string; text: string }[] } = JSON.parse(answer.out);
  const status = Object.fromEntries(findings.map((finding) => [finding.check, finding.status]));
  const text = Object.fromEntries(findings.map((finding) => [finding.check, finding.text]));
  return { exit: answer.exit, status, text };
};

test("a new machine without a network is unknown, not broken", async () => {
  const { exit, status } = await diagnose(["--url", NOBODY]);
  expect(status).toEqual({
    node: "ok",
    "data directory": "ok",
    "admin token": "warn",
    "public URL": "warn",
    gateway: "ok",
    DNS: "unknown",
    "outbound SMTP": "unknown",
  });
  expect(exit).toBe(3);
});

test("for people: one line a check", async () => {
  const { out, exit } = await run(["doctor", "--url", NOBODY], NO_DNS);
  expect(out.split("\n")).toHaveLength(7);
  expect(out).toMatch(/^unknown DNS +no answer/m);
  expect(exit).toBe(3);
});

test("the holder of the data directory is named; looking changes nothing", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "hikyaku-doctor-"));
  mkdirSync(join(cwd, "data"));
  expect((await diagnose(["--url", NOBODY], {}, cwd)).text["data directory"]).toContain("free");
  expect(readdirSync(join(cwd, "data"))).toEqual([]);
  const lock = lockDataDirectory(join(cwd, "data"));
  if (lock.kind === "held") stops.push(lock.release);
  writeFileSync(join(cwd, "data", "admin-token"), "x");
  const { text, status } = await diagnose(["--url", NOBODY], {}, cwd);
  expect(text["data directory"]).toContain(`in use by process ${process.pid}`);
  expect(status["admin token"]).toBe("ok");
});

test("a data directory that is none fails", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "hikyaku-doctor-"));
  writeFileSync(join(cwd, "data"), "");
  expect(await diagnose(["--url", NOBODY], { HIKYAKU_ADMIN_TOKEN: "set" }, cwd)).toMatchObject({
    exit: 1,
    status: { "data directory": "fail", "admin token": "ok" },
  });
});

test("a gateway that answers is asked for its clock", async () => {
  const health = (headers: Record<string, string> = {}) => ({
    "GET /healthz": { body: { status: "ok", relays: 2 }, headers },
  });
  const well = await diagnose(["--url", await gateway(health())]);
  expect(well.status).toMatchObject({ gateway: "ok", clock: "ok" });
  expect(well.text["gateway"]).toContain("relays: 2");
  const wrong = await diagnose(["--url", await gateway(health({ date: "Thu, 01 Jan 2026 00:00:00 GMT" }))]);
  expect(wrong).toMatchObject({ exit: 1, status: { clock: "fail" } });
});

test("a gateway without relays is a warning with its own reason", async () => {
  const body = { status: "unavailable", relays: 0, reason: "No relay is connected." };
  const { status, text } = await diagnose(["--url", await gateway({ "GET /healthz": { status: 503, body } })]);
  expect(status).toMatchObject({ gateway: "warn", clock: "ok" });
  expect(text["gateway"]).toContain("No relay is connected.");
});

test("another program on the port fails, whether it speaks HTTP or not", async () => {
  const http = await gateway({ "GET /healthz": { text: "<html>" } });
  expect(await diagnose(["--url", http])).toMatchObject({ exit: 1, status: { gateway: "fail" } });
  const other = await listener("SSH-2.0-x\r\n");
  expect(await diagnose(["--url", `http://${other}`])).toMatchObject({ exit: 1, status: { gateway: "fail" } });
});

test("a gateway elsewhere that does not answer is unknown: its port is not ours", async () => {
  expect(await diagnose(["--url", "http://gateway.invalid:8787"])).toMatchObject({
    exit: 3,
    status: { gateway: "unknown" },
  });
});

test("the public URL is https, or what is lost without is said", async () => {
  const look = async (url: string) => {
    const { status, text } = await diagnose(["--url", NOBODY], { HIKYAKU_PUBLIC_URL: url });
    return [status["public URL"], text["public URL"]];
  };
  expect(await look("https://mail.example")).toEqual(["ok", "links lead to https://mail.example"]);
  expect(await look("http://mail.example")).toEqual(["warn", expect.stringContaining("RFC 8058 §3.1")]);
});

test("a relay that takes mail in has somebody who reads what comes to its operator", async () => {
  const look = async (env: Record<string, string>) => (await diagnose(["--url", NOBODY], env)).status["postmaster"];
  expect(await look({ HIKYAKU_POSTMASTER: "ops@example.com", HIKYAKU_INBOUND: "off" })).toBeUndefined();
  expect(await look({ HIKYAKU_INBOUND: "0.0.0.0:25" })).toBe("warn");
  expect(await look({ HIKYAKU_POSTMASTER: "ops@example.com", HIKYAKU_INBOUND: "0.0.0.0:25" })).toBe("ok");
});

test("outbound SMTP: greeted, turned away, refused", async () => {
  const probe = async (where: string) =>
    (await diagnose(["--url", NOBODY, "--smtp-probe", where])).status["outbound SMTP"];
  expect(await probe(await listener("220 mx.test ESMTP\r\n"))).toBe("ok");
  expect(await probe(await listener("554 go away\r\n"))).toBe("warn");
  expect(await probe("127.0.0.1:9")).toBe("unknown");
});

test("HIKYAKU_DNS that is no address is wrong use", async () => {
  const answer = await run(["doctor", "--url", NOBODY], { HIKYAKU_DNS: "ns.example" });
  expect(answer).toMatchObject({ exit: 2, err: expect.stringContaining("HIKYAKU_DNS") });
});
