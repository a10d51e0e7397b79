/** `hikyaku suppressions` against a gateway that answers from a table, and one that takes and gives CSV. */
import { createServer } from "node:http";
import { mkdtempSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { run, startFakeApi, type Script } from "./fake-api.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const fake = async (script: Script) => {
  const api = await startFakeApi(script);
  stops.push(api.stop);
  return { api, cli: (...args: string[]) => run(["suppressions", ...args, "--url", api.url, "--key", "hk_x"]) };
};

/** A gateway that answers every request with these. */
const csvGateway = async (status: number, type: string, pieces: string[], cut = false) => {
  const asked: { what: string; type: string | undefined; body: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      asked.push({ what: `${request.method} ${request.url}`, type: request.headers["content-type"], body });
      response.writeHead(status, { "content-type": type });
      for (const piece of pieces) response.write(piece);
      if (cut) setTimeout(() => response.destroy(), 50);
      else response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // Listening on TCP.
  const cwd = mkdtempSync(join(tmpdir(), "hikyaku-cli-"));
  return {
    asked,
    cwd,
    cli: (...args: string[]) => run(["suppressions", ...args, "--url", url, "--key", "hk_x"], {}, cwd),
  };
};

const row = {
  ...{ id: "1", email: "a@dest.test", origin: "bounce", source_id: null, stream: "bulk" },
  ...{ created_at: "2026-11-24T12:00:00.000Z", expires_at: null },
};

test("list shows the newest, and says when there are more", async () => {
  const { cli } = await fake({
    "GET /v1/suppressions?limit=100&origin=bounce&stream=bulk": {
      body: { object: "list", has_more: true, data: [row] },
    },
  });
  const listed = await cli("list", "--origin", "bounce", "--stream", "bulk");
  expect(listed.exit).toBe(0);
  expect(listed.out).toMatch(
    /^ADDRESS +ORIGIN +STREAM +SINCE +EXPIRES\na@dest\.test +bounce +bulk +\S+ +never\n… and more/,
  );
  expect((await cli("list", "--origin", "whim")).exit).toBe(2);
});

test("add and remove take many; one that was not on the list is a no", async () => {
  const ref = (id: string) => ({ object: "suppression", id });
  const { api, cli } = await fake({
    "POST /v1/suppressions/batch/add": { body: { data: [ref("1"), ref("2")] } },
    "POST /v1/suppressions/batch/remove": [
      { body: { data: [{ ...ref("1"), deleted: true }] } },
      { body: { data: [{ ...ref("b@dest.test"), deleted: false }] } },
    ],
  });
  expect(await cli("add", "a@dest.test", "*@x.test", "--stream", "bulk", "--expires", "2099-01-01T00:00:00Z")).toEqual({
    ...{ exit: 0, out: "2 suppressed", err: "" },
  });
  expect(await cli("remove", "a@dest.test")).toEqual({ exit: 0, out: "1 removed", err: "" });
  expect(await cli("remove", "b@dest.test")).toEqual({ exit: 1, out: "b@dest.test is not on the list", err: "" });
  expect(api.asked.map(({ body }) => body)).toEqual([
    { emails: ["a@dest.test", "*@x.test"], stream: "bulk", expires_at: "2099-01-01T00:00:00Z" },
    { emails: ["a@dest.test"] },
    { emails: ["b@dest.test"] },
  ]);
});

test("import sends the file as it is, and names the lines that were refused", async () => {
  const reply = { object: "suppression_import", added: 1, known: 2, refused: 1, errors: [{ line: 3, message: "No." }] };
  const { asked, cwd, cli } = await csvGateway(200, "application/json", [JSON.stringify(reply)]);
  writeFileSync(join(cwd, "list.csv"), "email\na@dest.test\nx\n");
  expect(await cli("import", "list.csv")).toEqual({
    ...{ exit: 1, out: "1 suppressed, 2 were before, 1 refused\n  line 3: No.", err: "" },
  });
  expect(asked).toEqual([{ what: "POST /v1/suppressions/import", type: "text/csv", body: "email\na@dest.test\nx\n" }]);
  expect(JSON.parse((await cli("import", "list.csv", "--json")).out)).toEqual(reply);
  expect((await cli("import", "nothing.csv")).exit).toBe(2);
});

test("export gives the lines as they come, whole ones only", async () => {
  const { cli } = await csvGateway(200, "text/csv", ["email,stre", "am\r\na@dest.test,\r", "\nb@dest.test,\r\n"]);
  expect(await cli("export")).toEqual({ exit: 0, out: "email,stream\na@dest.test,\nb@dest.test,", err: "" });
});

test("an export that is cut is not taken for a whole one", async () => {
  const { cli } = await csvGateway(200, "text/csv", ["email\r\na@dest.test\r\n"], true);
  expect(await cli("export")).toMatchObject({ exit: 3, err: expect.stringContaining("ended early") });
});

test("refusals are in the API's words", async () => {
  const refusal = JSON.stringify({ statusCode: 401, name: "restricted_api_key", message: "May only send." });
  const { cwd, cli } = await csvGateway(401, "application/json", [refusal]);
  writeFileSync(join(cwd, "list.csv"), "email\n");
  for (const args of [["export"], ["import", "list.csv"]])
    expect(await cli(...args)).toMatchObject({ exit: 1, err: "hikyaku: restricted_api_key: May only send." });
});
