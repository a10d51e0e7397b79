/**
 * JSON from elsewhere: within its bounds, or a reason; nothing that rejects, nothing of the request in what is said.
 */
import { expect, test } from "vitest";
import { fetchJson, type JsonAnswer } from "#resolvers/fetch-json.ts";

const ask = (respond: typeof fetch, signal = AbortSignal.timeout(1_000)): Promise<JsonAnswer> =>
  fetchJson(respond, "https://a.test/x", { headers: { authorization: "hush" } }, { mostOctets: 20, signal });

const check = async (response: () => Response, expected: JsonAnswer | RegExp): Promise<void> => {
  const result = await ask(() => Promise.resolve(response()));
  if (expected instanceof RegExp) expect(result).toEqual({ kind: "failed", reason: expect.stringMatching(expected) });
  else expect(result).toEqual(expected);
};

test("an answer is a value, whatever its status", async () => {
  await check(() => Response.json({ a: 1 }), { kind: "json", status: 200, body: { a: 1 } });
  await check(() => Response.json(null, { status: 404 }), { kind: "json", status: 404, body: null });
  await check(() => new Response("<html>", { status: 502 }), { kind: "json", status: 502, body: undefined });
});

test("what is none has a reason", async () => {
  await check(() => new Response("{"), /^a\.test answered 200, not in JSON$/);
  await check(() => new Response(null), /not in JSON/);
  await check(() => new Response(" ".repeat(21)), /more than/);
  await check(() => new Response("{}", { status: 301 }), /elsewhere/);
  await check(() => {
    throw new Error("hush");
  }, /^a\.test could not be reached$/);
});

test("nobody is waited for without end", async () => {
  const never: typeof fetch = (_, init) =>
    new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(new Error("gone"))));
  expect(await ask(never, AbortSignal.timeout(20))).toEqual({
    kind: "failed",
    reason: "a.test did not answer in time",
  });
});

test("redirects are not followed", async () => {
  let redirect: unknown;
  await ask((_, init) => {
    redirect = init?.redirect;
    return Promise.resolve(Response.json({}));
  });
  expect(redirect).toBe("manual");
});
