/**
 * Calls of the `resend` package: what they came to, and each reply looked at on its way.
 */
import { expect } from "vitest";
import type { OpenapiCheck } from "./openapi-check.ts";

/** The SDK calls `fetch`: what it gets from the service at `url` is checked on the way, nothing is changed. Ends it. */
export const watchReplies = (url: string, check: OpenapiCheck, faults: string[]): (() => void) => {
  const plain = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await plain(input, init);
    const { origin, pathname: path } = new URL(input instanceof Request ? input.url : input);
    if (origin !== url || !path.startsWith("/v1/")) return response;
    const isCsv = response.headers.get("content-type")?.startsWith("text/csv") === true;
    const copy = response.clone();
    const body: unknown = await (isCsv ? copy.text() : copy.json());
    faults.push(...check.faults({ method: init?.method ?? "GET", path, status: response.status, body }));
    return response;
  };
  return () => {
    globalThis.fetch = plain;
  };
};

/** The data of a call that must have gone well. */
export const done = async <T>(call: PromiseLike<{ data: T | null; error: unknown }>): Promise<T> => {
  const { data, error } = await call;
  expect(error).toBeNull();
  if (data === null) throw new Error("no data");
  return data;
};

export const refusal = async (call: PromiseLike<{ data: unknown; error: unknown }>): Promise<unknown> =>
  (await call).error;
