import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { run, type Script, startFakeApi } from "./fake-api.ts";

const ADMIN = { HIKYAKU_ADMIN_TOKEN: "secret-admin-token" };
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});
const fake = async (script: Script) => {
  const api = await startFakeApi(script);
  stops.push(api.stop);
  return api;
};

const account = { object: "account", id: "abc", name: "acme", status: "active", created_at: "2026-01-01T00:00:00Z" };
const detail = {
  ...account,
  allowed_senders: "domains",
  stream_pools: { transactional: "default", bulk: "default" },
  limits: {
    recipients_per_10_minutes: 1,
    recipients_per_24_hours: 2,
    messages_per_sender_per_24_hours: 3,
    requests_per_second: 4,
  },
  trial: false,
  ip_allowlist: [],
};
const relay = {
  object: "relay",
  id: "r1",
  name: "mx2",
  pools: ["default", "bulk"],
  created_at: "2026-01-01T00:00:00Z",
  connected: true,
  last_seen_at: null,
  version: null,
};

test("accounts create asks the admin API and shows id and key", async () => {
  const made = { object: "account", id: "abc", name: "acme", api_key: { id: "k", token: "hk_new" } };
  const api = await fake({ "POST /admin/accounts": { body: made } });
  const words = await run(
    ["accounts", "create", "--name", "acme", "--allowed-senders", "any", "--url", `${api.url}/`],
    ADMIN,
  );
  expect(words).toEqual({ exit: 0, out: "account abc  acme\nAPI key, shown only now: hk_new", err: "" });
  const body = { name: "acme", allowed_senders: "any" };
  expect(api.asked).toEqual([{ what: "POST /admin/accounts", token: "Bearer secret-admin-token", body }]);
  const json = await run(["accounts", "create", "--name", "acme", "--json"], {
    ...ADMIN,
    HIKYAKU_GATEWAY_URL: api.url,
  });
  expect(JSON.parse(json.out)).toEqual(made);
});

test("accounts list and show", async () => {
  const api = await fake({
    "GET /admin/accounts": { body: { object: "list", has_more: false, data: [account] } },
    "GET /admin/accounts/a%2Fb": { body: detail },
  });
  const list = await run(["accounts", "list", "--url", api.url], ADMIN);
  expect(list.out.split("\n")).toEqual([
    "ID   STATUS  CREATED               NAME",
    "abc  active  2026-01-01T00:00:00Z  acme",
  ]);
  expect((await run(["accounts", "show", "a/b", "--json", "--url", api.url], ADMIN)).out).toBe(JSON.stringify(detail));
});

test("relays create prints the line to run elsewhere, quoted for a shell; list shows who is joined", async () => {
  const api = await fake({
    "POST /admin/relays": { body: { object: "relay", id: "r1", name: "it's mx2", token: "hr_new" } },
    "GET /admin/relays": { body: { object: "list", has_more: false, data: [relay] } },
  });
  const made = await run(
    ["relays", "create", "--name", "it's mx2", "--pool", "default", "bulk", "--url", api.url],
    ADMIN,
  );
  expect(made.out).toContain(
    String.raw`HIKYAKU_GATEWAY_URL=${api.url} HIKYAKU_RELAY_NAME='it'\''s mx2' HIKYAKU_RELAY_TOKEN=hr_new npm run relay`,
  );
  expect(api.asked[0]?.body).toEqual({ name: "it's mx2", pools: ["default", "bulk"] });
  expect((await run(["relays", "list", "--url", api.url], ADMIN)).out).toMatch(
    /^r1 +yes +never +- +default,bulk +mx2$/m,
  );
});

test("the admin token is read from the data directory, and never printed", async () => {
  const api = await fake({
    "GET /admin/relays": { status: 403, body: { statusCode: 403, name: "invalid_api_key", message: "no" } },
  });
  const cwd = mkdtempSync(join(tmpdir(), "hikyaku-cli-"));
  mkdirSync(join(cwd, "data"));
  writeFileSync(join(cwd, "data", "admin-token"), "from-the-file\n");
  const answer = await run(["relays", "list", "--json", "--url", api.url], {}, cwd);
  expect(api.asked[0]?.token).toBe("Bearer from-the-file");
  expect(answer.exit).toBe(1);
  expect(answer.out + answer.err).not.toContain("from-the-file");
  expect(JSON.parse(answer.out)).toMatchObject({ name: "invalid_api_key" });
});

test.each([
  [["accounts"], "Usage"],
  [["accounts", "create"], "--name"],
  [["account", "list"], "unknown command"],
  [["accounts", "list", "--colour"], "unknown option"],
  [["accounts", "list"], "there is no admin token"],
  [["send", "--from", "a@b.test", "--to", "c@d.test", "--subject", "x"], "there is no API key"],
  [["send", "--from", "a@b.test", "--to", "c@d.test", "--subject", "x", "--key", "k", "--url", "gw"], "is not an http"],
  [["doctor", "--smtp-probe", "here"], "host:port"],
])("wrong use: %j", async (args, said) => {
  const answer = await run(args);
  expect(answer.exit).toBe(2);
  expect(answer.out).toBe("");
  expect(answer.err).toContain(said);
});

test.each([[["--help"]], [["accounts", "create", "--help"]], [["help", "send"]]])(
  "%j is help, and no mistake",
  async (args) => {
    expect(await run(args)).toMatchObject({ exit: 0, out: expect.stringContaining("Usage: hikyaku"), err: "" });
  },
);

test("no answer, a failing server and an answer that is no API are unknown, not no", async () => {
  const api = await fake({
    "GET /admin/accounts": [
      { status: 503, body: { statusCode: 503, name: "application_error", message: "later" } },
      { status: 502, text: "<html>bad gateway</html>" },
      { text: "<html>welcome</html>" },
      { body: { data: [{ id: 7 }] } },
    ],
  });
  for (const said of ["later", "502", "not what this version expects", "not what this version expects"]) {
    const answer = await run(["accounts", "list", "--url", api.url], ADMIN);
    expect(answer).toMatchObject({ exit: 3, out: "", err: expect.stringContaining(said) });
  }
  const silent = await run(["accounts", "list", "--url", "http://127.0.0.1:9"], ADMIN);
  expect(silent).toMatchObject({ exit: 3, out: "", err: expect.stringContaining("no answer from the gateway") });
});

test("as a process: the status is the exit code", async () => {
  const cli = fileURLToPath(new URL("../../../gateway/cli.ts", import.meta.url));
  const child = promisify(execFile)(process.execPath, [cli, "accounts", "list", "--data", "/nowhere"], { env: {} });
  await expect(child).rejects.toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("no admin token") });
});
