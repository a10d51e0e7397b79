/** Policies fetched from an HTTP server on loopback that answers well, and in every wrong way. */
import { createServer, type RequestListener, type Server } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { FetchedPolicy } from "#dns/mta-sts-findings.ts";
import { policyFetcher, type PolicyFetchOptions } from "#resolvers/fetch-policy.ts";
import { PATIENCE_MS } from "../../support/patience.ts";

const HOST = "mta-sts.d.test";
const PATH = "/.well-known/mta-sts.txt";

let script: RequestListener;
let server: Server;
let base: string;
let asked: string[];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    script(request, response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  base = typeof address === "object" && address ? `http://127.0.0.1:${address.port}` : "";
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = [];
});

/** The runtime's `fetch`, led to the server on loopback: everything but TLS is as it is. */
const toLoopback: typeof fetch = (input, init) => {
  if (input !== `https://${HOST}${PATH}`) throw new Error("another URL was asked");
  return fetch(`${base}${PATH}`, init);
};

const get = (more: Partial<PolicyFetchOptions> = {}, signal?: AbortSignal): Promise<FetchedPolicy> =>
  policyFetcher({ timeoutMs: PATIENCE_MS, fetch: toLoopback, ...more })(HOST, signal);

const serving =
  (status: number, headers: Record<string, string>, body = ""): RequestListener =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
  };
const TEXT = { "content-type": "text/plain" };

describe("a policy", () => {
  test("comes as it is served, with its type", async () => {
    script = serving(200, { "content-type": "text/plain; charset=utf-8" }, "version: STSv1\r\n\u{FEFF}ü");
    expect(await get()).toEqual({
      kind: "text",
      contentType: "text/plain; charset=utf-8",
      text: "version: STSv1\r\n\u{FEFF}ü",
    });
    expect(asked).toEqual([`GET ${PATH}`]);
  });

  test("without a type has none", async () => {
    script = (_, response) => response.writeHead(200).end("x");
    expect(await get()).toEqual({ kind: "text", contentType: "", text: "x" });
  });

  test("may be of 64 KB, and no more", async () => {
    script = serving(200, TEXT, "x".repeat(65_536));
    expect(await get()).toMatchObject({ kind: "text" });
    script = serving(200, TEXT, "x".repeat(65_537));
    expect(await get()).toEqual({ kind: "not-served", reason: "the file has more than 64 KB" });
  });

  test("that never ends is not read to its end", async () => {
    let isClosed = false;
    script = (_, response) => {
      response.writeHead(200, TEXT);
      const more = (): void => void (isClosed || !response.write("x".repeat(10_000)) ? 0 : setImmediate(more));
      response.on("drain", more);
      response.on("close", () => {
        isClosed = true;
      });
      more();
    };
    expect(await get()).toEqual({ kind: "not-served", reason: "the file has more than 64 KB" });
    await expect.poll(() => isClosed).toBe(true);
  });
});

describe("what is no policy", () => {
  const check = (status: number, kind: "not-served" | "failed", headers: Record<string, string> = {}): void =>
    test(`status ${status}`, async () => {
      script = serving(status, { ...TEXT, ...headers }, status === 204 || status === 304 ? "" : "version: STSv1");
      expect(await get()).toEqual({ kind, reason: `${HOST} answered with HTTP status ${status}` });
      expect(asked).toHaveLength(1);
    });
  check(201, "not-served");
  check(204, "not-served");
  check(301, "not-served", { location: PATH });
  check(302, "not-served", { location: "https://elsewhere.test/" });
  check(304, "not-served");
  check(404, "not-served");
  check(500, "failed");
  check(503, "failed");
});

describe("what cannot be known", () => {
  const late = { kind: "failed", reason: `${HOST} did not answer in time` };

  test("a host that says nothing", async () => {
    script = () => {};
    expect(await get({ timeoutMs: 300 })).toEqual(late);
  });

  test("a host that stops in the middle", async () => {
    script = (_, response) => void response.writeHead(200, TEXT).write("version");
    expect(await get({ timeoutMs: 300 })).toEqual(late);
  });

  test("a caller that waits no longer", async () => {
    script = () => {};
    expect(await get({}, AbortSignal.timeout(20))).toEqual(late);
  });

  test("a host that breaks off", async () => {
    script = (request) => request.socket.destroy();
    const fetched = await get();
    expect(fetched).toMatchObject({ kind: "failed" });
    expect(fetched.kind === "failed" && fetched.reason).toMatch(/^mta-sts\.d\.test could not be asked \(.+\)$/);
  });

  test("TLS is wanted: a server without it is none", async () => {
    const port = Number(new URL(base).port);
    const fetched = await policyFetcher({ timeoutMs: PATIENCE_MS })(`127.0.0.1:${port}`);
    expect(fetched).toMatchObject({ kind: "failed" });
    expect(asked).toEqual([]);
  });

  test("a host that is not of the public Internet is not asked", async () => {
    const told: string[] = [];
    const isPublic = async (host: string): Promise<boolean> => {
      told.push(host);
      return false;
    };
    expect(await get({ isPublic })).toEqual({ kind: "failed", reason: `${HOST} has no public address` });
    expect({ told, asked }).toEqual({ told: [HOST], asked: [] });
    script = serving(200, TEXT, "x");
    expect(await get({ isPublic: async () => true })).toMatchObject({ kind: "text" });
  });
});
