import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { run, type Script, startFakeApi } from "./fake-api.ts";

const KEY = { HIKYAKU_API_KEY: "hk_key" };
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});
const fake = async (script: Script) => {
  const api = await startFakeApi(script);
  stops.push(api.stop);
  return api;
};

const mail = ["--from", "Me <me@a.test>", "--to", "x@b.test", "y@b.test", "--subject", "Hello", "--text", "Hi"];
const event = (recipient: string, type: string, more: object = {}) => ({
  object: "event",
  id: "e",
  type,
  rank: 3,
  created_at: "2026-01-01T00:00:00Z",
  email_id: "m1",
  recipient,
  ...more,
});
const page = (...data: object[]) => ({ body: { object: "list", has_more: false, data } });
const accepted = { "POST /v1/emails": { body: { id: "m1" } } };
const reply = { code: 550, enhanced: "5.1.1", text: "no such user" };

test("it posts what it was given, attachments in base64, and prints the id", async () => {
  const api = await fake(accepted);
  const cwd = mkdtempSync(join(tmpdir(), "hikyaku-cli-"));
  writeFileSync(join(cwd, "a.bin"), Buffer.from([0, 255]));
  const answer = await run(["send", ...mail, "--html", "<p>", "--attach", "a.bin", "--url", api.url], KEY, cwd);
  expect(answer).toEqual({ exit: 0, out: "m1", err: "" });
  expect(api.asked).toEqual([
    {
      what: "POST /v1/emails",
      token: "Bearer hk_key",
      body: {
        from: "Me <me@a.test>",
        to: ["x@b.test", "y@b.test"],
        subject: "Hello",
        text: "Hi",
        html: "<p>",
        attachments: [{ filename: "a.bin", content: "AP8=" }],
      },
    },
  ]);
});

test("--key wins over the environment; --json prints the API's own answer", async () => {
  const api = await fake(accepted);
  const answer = await run(["send", ...mail, "--key", "hk_other", "--json", "--url", api.url], KEY);
  expect(answer).toEqual({ exit: 0, out: '{"id":"m1"}', err: "" });
  expect(api.asked[0]?.token).toBe("Bearer hk_other");
});

test("a refusal is a no, in the API's words", async () => {
  const problem = { statusCode: 422, name: "missing_required_field", message: "Missing `from` field." };
  const api = await fake({ "POST /v1/emails": { status: 422, body: problem } });
  const answer = await run(["send", ...mail, "--url", api.url], KEY);
  expect(answer).toEqual({ exit: 1, out: "", err: "hikyaku: missing_required_field: Missing `from` field." });
});

test("an attachment that is not there is wrong use, and nothing is sent", async () => {
  const api = await fake(accepted);
  const answer = await run(["send", ...mail, "--attach", "gone.pdf", "--url", api.url], KEY);
  expect(answer).toMatchObject({ exit: 2, err: expect.stringContaining("gone.pdf") });
  expect(api.asked).toEqual([]);
});

test("--wait asks until each recipient's fate is known", async () => {
  const x = event("x@b.test", "email.delivered", { reply: { code: 250, text: "ok" } });
  const late = event("y@b.test", "email.delivery_delayed", { reason: "busy" });
  const y = event("y@b.test", "email.delivered");
  const api = await fake({ ...accepted, "GET /v1/emails/m1/events": [page(), page(x, late), page(x, late, y)] });
  const answer = await run(["send", ...mail, "--wait", "--url", api.url], KEY);
  expect(answer.exit).toBe(0);
  expect(api.asked).toHaveLength(4);
  expect(answer.out.split("\n")).toEqual([
    "m1",
    "TIME                  RECIPIENT  EVENT                   REPLY",
    "2026-01-01T00:00:00Z  x@b.test   email.delivered         250 ok",
    "2026-01-01T00:00:00Z  y@b.test   email.delivery_delayed  busy",
    "2026-01-01T00:00:00Z  y@b.test   email.delivered",
  ]);
});

test("--wait: one bounced recipient is a no; time run out is unknown", async () => {
  const bounced = page(event("x@b.test", "email.delivered"), event("y@b.test", "email.bounced", { reply }));
  const api = await fake({
    ...accepted,
    "GET /v1/emails/m1/events": [bounced, page(event("x@b.test", "email.delivered"))],
  });
  expect((await run(["send", ...mail, "--wait", "--json", "--url", api.url], KEY)).exit).toBe(1);
  const late = await run(["send", ...mail, "--wait", "0.3", "--url", api.url], KEY);
  expect(late).toMatchObject({ exit: 3, err: "hikyaku: after 0.3 s the fate of m1 is not known yet" });
});

test("--wait: when the events cannot be read, the id is still told", async () => {
  const api = await fake({ ...accepted, "GET /v1/emails/m1/events": { status: 500, text: "" } });
  const answer = await run(["send", ...mail, "--wait", "--url", api.url], KEY);
  expect(answer).toMatchObject({ exit: 3, err: expect.stringContaining("accepted as m1") });
  expect(await run(["send", ...mail, "--wait", "long", "--url", api.url], KEY)).toMatchObject({ exit: 2 });
});
