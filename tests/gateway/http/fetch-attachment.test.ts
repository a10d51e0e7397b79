/**
 * Attachments by URL against a real server on loopback: exact bytes, or a refusal that names the host and says why.
 * Hosts that must look public are a table of replies in place of the network.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isSafeHeaderValue } from "#contract/header-text.ts";
import { fetchAttachment, type FetchOptions } from "../../../gateway/http/fetch-attachment.ts";
import { PATIENCE_MS } from "../../support/patience.ts";

const bytesOf = (length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) % 256));

/** Writes until the socket is full, and again whenever it has drained. */
const pour = (response: ServerResponse): void => {
  const block = Buffer.alloc(65_536);
  const more = (): void => {
    while (!response.destroyed && response.write(block));
    response.once("drain", more);
  };
  more();
};

const trickle = (response: ServerResponse): void => {
  const timer = setInterval(() => response.write("x"), 20);
  response.on("close", () => {
    clearInterval(timer);
  });
};

const ROUTES: Record<string, (response: ServerResponse) => unknown> = {
  "/plain": (r) => r.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("hello"),
  "/untyped": (r) => r.writeHead(200).end("hello"),
  "/badly-typed": (r) => r.writeHead(200, { "content-type": 'text/plain"; name=x' }).end("hello"),
  "/no-subtype": (r) => r.writeHead(200, { "content-type": "text" }).end("hello"),
  "/zipped": (r) => r.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("hello")),
  "/bomb": (r) => r.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(5_000_000))),
  "/nothing": (r) => r.writeHead(204).end(),
  "/absent": (r) => r.writeHead(404).end("no"),
  "/broken": (r) => r.writeHead(500).end("no"),
  "/not-modified": (r) => r.writeHead(304, { location: "/plain" }).end(),
  "/nowhere": (r) => r.writeHead(302).end(),
  "/announced": (r) => r.writeHead(200, { "content-length": 1001 }).flushHeaders(),
  "/endless": (r) => pour(r.writeHead(200)),
  "/silent": () => {},
  "/stalls": (r) => r.writeHead(200).write("x"),
  "/trickles": (r) => trickle(r.writeHead(200)),
  "/absent-and-endless": (r) => pour(r.writeHead(404)),
  "/breaks-off": (r) => {
    r.writeHead(200, { "content-length": 50 }).write("x", () => r.destroy());
  },
  "/deep/relative": (r) => r.writeHead(301, { location: "../plain" }).end("moved"),
  "/to-ftp": (r) => r.writeHead(302, { location: "ftp://files.example.com/a" }).end(),
  "/to-nonsense": (r) => r.writeHead(302, { location: "http://[" }).end(),
  "/loop": (r) => r.writeHead(302, { location: "/loop" }).end(),
};
for (const status of [301, 302, 303, 307, 308])
  ROUTES[`/moved/${status}`] = (r) => r.writeHead(status, { location: "/plain" }).end("moved");
for (let left = 1; left <= 6; left++)
  ROUTES[`/hops/${left}`] = (r) => r.writeHead(302, { location: left === 1 ? "/plain" : `/hops/${left - 1}` }).end();

/** What was asked for, and whose connection is closed. */
const asked: string[] = [];
const headersSeen: Record<string, unknown>[] = [];
const closed = new Set<string>();
const server = createServer((request, response) => {
  const path = request.url ?? "";
  asked.push(path);
  headersSeen.push(request.headers);
  response.on("close", () => closed.add(path));
  const route = ROUTES[path];
  const sized = /^\/bytes\/(\d+)$/.exec(path)?.[1];
  if (route) route(response);
  else response.writeHead(200).end(sized === undefined ? "named" : bytesOf(Number(sized)));
});

const listen = async (to: Server): Promise<string> => {
  await new Promise<void>((resolve) => to.listen(0, "127.0.0.1", resolve));
  const { port } = to.address() as AddressInfo; // Listening on TCP: never a pipe's path or null.
  return `127.0.0.1:${port}`;
};

let host = "";
beforeAll(async () => {
  host = await listen(server);
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const get = (path: string, options: Partial<FetchOptions> = {}): ReturnType<typeof fetchAttachment> =>
  fetchAttachment(`http://${host}${path}`, {
    allowPrivate: true,
    limitBytes: 1000,
    timeoutMs: PATIENCE_MS,
    ...options,
  });

const checkFetched = async (path: string, text: string, rest: object = {}): Promise<void> =>
  expect(await get(path), path).toMatchObject({ kind: "fetched", base64: btoa(text), bytes: text.length, ...rest });

/** `why` with `HOST` for the server. */
const checkRefused = async (path: string, why: string, options: Partial<FetchOptions> = {}): Promise<void> =>
  expect(await get(path, options), path).toEqual({
    kind: "problem",
    code: "invalid_attachment",
    message: `The attachment cannot be fetched${why.replaceAll("HOST", host)}.`,
  });

const checkClosed = (path: string): Promise<void> => expect.poll(() => closed.has(path)).toBe(true);

type Reply = { status: number; location?: string; body?: string | ReadableStream<Uint8Array>; length?: number };
type Replies = Record<string, Reply>;

/** A network of these replies by URL; all else cannot be reached. `calls` are the URLs asked for. */
const network = (replies: Replies): { fetch: typeof fetch; calls: string[] } => {
  const calls: string[] = [];
  return {
    calls,
    fetch: async (input) => {
      const url = input instanceof Request ? input.url : input.toString();
      calls.push(url);
      const reply = replies[url];
      if (!reply) throw new TypeError("fetch failed");
      const headers = new Headers();
      if (reply.location !== undefined) headers.set("location", reply.location);
      if (reply.length !== undefined) headers.set("content-length", String(reply.length));
      return new Response(reply.body ?? null, { status: reply.status, headers });
    },
  };
};

const checkRoute = async (replies: Replies, expected: object, calls: string[]): Promise<void> => {
  const net = network(replies);
  const fetched = await fetchAttachment(Object.keys(replies)[0] ?? "", {
    allowPrivate: false,
    limitBytes: 1000,
    timeoutMs: 5000,
    fetch: net.fetch,
  });
  expect(fetched).toMatchObject(expected);
  expect(net.calls).toEqual(calls);
};

test("the bytes are exact, of every remainder and of many chunks", async () => {
  for (const size of [0, 1, 2, 3, 4, 5, 6, 7, 65_537, 5_000_000]) {
    const fetched = await get(`/bytes/${size}`, { limitBytes: size });
    if (fetched.kind !== "fetched") throw new Error(fetched.message);
    expect(fetched.bytes).toBe(size);
    expect(fetched.base64 === bytesOf(size).toString("base64"), `${size} bytes`).toBe(true);
  }
});

test("chunks of any sizes make one base64 text", async () => {
  const whole = bytesOf(60);
  for (const size of [1, 2, 4, 5, 7]) {
    const chunks = Array.from({ length: Math.ceil(60 / size) }, (_, i) => whole.subarray(i * size, (i + 1) * size));
    const body = ReadableStream.from<Uint8Array>([new Uint8Array(0), ...chunks]);
    const url = "https://files.example.com/a";
    await checkRoute({ [url]: { status: 200, body } }, { bytes: 60, base64: whole.toString("base64") }, [url]);
  }
});

test("the type is the server's when it is a plain one", async () => {
  await checkFetched("/plain", "hello", { contentType: "text/plain" });
  await checkFetched("/untyped", "hello", { contentType: undefined });
  await checkFetched("/badly-typed", "hello", { contentType: undefined });
  await checkFetched("/no-subtype", "hello", { contentType: undefined });
});

test("the name is the last segment of the path, fit for a header and a folder", async () => {
  for (const [path, filename] of [
    ["/a/b/Invoice%20M%C3%A4rz.pdf?x=/y#z", "Invoice März.pdf"],
    ["/a/", undefined],
    ["", undefined],
    ["/a%2Fb%5Cc", "a_b_c"],
    ["/..%2F..%2Fpasswd", ".._.._passwd"],
    ["/a%0D%0ABcc:%20b%00%7F%C2%85%E2%80%A8", "a__Bcc: b____"],
    ["/100%.pdf", "100%.pdf"],
    ["/%ff.pdf", "%ff.pdf"],
    [`/${"x".repeat(300)}`, "x".repeat(255)],
    [`/${"x".repeat(254)}%F0%9F%93%8E`, `${"x".repeat(254)}\ufffd`],
  ] as const) {
    await checkFetched(path, "named", { filename });
    expect(isSafeHeaderValue(filename ?? "")).toBe(true);
  }
});

test("what the server is told: who asks, and nothing of the customer", async () => {
  headersSeen.length = 0;
  await checkFetched("/plain", "hello");
  expect(headersSeen).toHaveLength(1);
  expect(headersSeen[0]).toMatchObject({ host, "user-agent": "Hikyaku" });
  for (const name of ["cookie", "authorization", "referer", "origin"]) expect(headersSeen[0]).not.toHaveProperty(name);
});

test("any 2xx is an answer, every other status is a refusal", async () => {
  await checkFetched("/nothing", "");
  await checkRefused("/absent", ": HOST answers with status 404");
  await checkRefused("/broken", ": HOST answers with status 500");
  await checkRefused("/not-modified", ": HOST answers with status 304");
  await checkRefused("/nowhere", ": HOST answers with status 302");
  await checkRefused("/absent-and-endless", ": HOST answers with status 404");
  await checkClosed("/absent-and-endless");
});

test("more than the limit is refused: unread when announced, else where the count passes it", async () => {
  const why = ": what HOST sends is larger than the 1000 bytes that are left";
  await checkRefused("/announced", why);
  await checkRefused("/endless", why);
  await checkRefused("/bytes/1001", why);
  await checkRefused("/bomb", why);
  for (const path of ["/announced", "/endless"]) await checkClosed(path);
  await checkFetched("/bytes/1000", bytesOf(1000).toString("latin1"));
  await checkFetched("/zipped", "hello");
});

test("a body larger than it was announced is counted, and cancelled", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      controller.enqueue(new Uint8Array(600));
    },
    cancel: () => {
      cancelled = true;
    },
  });
  const url = "https://files.example.com/a";
  const message = expect.stringContaining("files.example.com sends is larger than the 1000 bytes");
  await checkRoute({ [url]: { status: 200, length: 3, body } }, { code: "invalid_attachment", message }, [url]);
  expect(cancelled).toBe(true);
});

test("one deadline for all of it: silence, a stall, a trickle without end", async () => {
  const options = { timeoutMs: 300, limitBytes: Number.MAX_SAFE_INTEGER };
  await Promise.all(
    ["/silent", "/stalls", "/trickles"].map((path) => checkRefused(path, ": HOST took longer than 0.3 s", options)),
  );
  for (const path of ["/silent", "/stalls", "/trickles"]) await checkClosed(path);
});

test("the deadline is not begun anew by a redirect", async () => {
  const net = network({});
  const slow: typeof fetch = async (input, init) => {
    await net.fetch(input).catch(() => {});
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    setTimeout(resolve, 100, new Response(null, { status: 302, headers: { location: `/${net.calls.length}` } }));
    init?.signal?.addEventListener("abort", () => {
      reject(new Error("aborted"));
    });
    return promise;
  };
  expect(await get("/", { fetch: slow, timeoutMs: 250 })).toMatchObject({
    message: `The attachment cannot be fetched: ${host} took longer than 0.25 s.`,
  });
  expect(net.calls.length).toBeLessThan(5);
});

test("what cannot be reached, and what breaks off", async () => {
  await checkRefused("/breaks-off", ": HOST broke off its reply");
  const closedServer = createServer();
  const at = await listen(closedServer);
  await new Promise((resolve) => closedServer.close(resolve));
  expect(await fetchAttachment(`http://${at}/a`, { allowPrivate: true, limitBytes: 1, timeoutMs: 5000 })).toMatchObject(
    { message: `The attachment cannot be fetched: ${at} cannot be reached.` },
  );
});

test("redirects are followed, a relative one from where it was said", async () => {
  for (const status of [301, 302, 303, 307, 308])
    await checkFetched(`/moved/${status}`, "hello", { filename: "plain" });
  await checkFetched("/deep/relative", "hello", { filename: "plain" });
});

test("five redirects, not six", async () => {
  await checkFetched("/hops/5", "hello");
  await checkRefused("/hops/6", ": HOST redirects once more after 5 redirects");
  asked.length = 0;
  await checkRefused("/loop", ": HOST redirects once more after 5 redirects");
  expect(asked).toHaveLength(6);
});

test("a redirect to what is no URL of the web", async () => {
  await checkRefused("/to-ftp", " from where HOST redirects to: it is neither http nor https");
  await checkRefused("/to-nonsense", " from where HOST redirects to: it is not a URL");
});

test("a private URL is not asked, unless the operator allows it", async () => {
  asked.length = 0;
  expect(await get("/plain", { allowPrivate: false })).toEqual({
    kind: "problem",
    code: "security_error",
    message: "The attachment may not be fetched from its URL: 127.0.0.1 is not a public address.",
  });
  expect(asked).toEqual([]);
  await checkFetched("/plain", "hello");
});

test("a URL that cannot be used", async () => {
  for (const [text, why] of [
    ["not a url", "it is not a URL"],
    ["file:///etc/passwd", "it is neither http nor https"],
    ["https://user:pass@files.example.com/", "it has a user name or password in it"],
  ] as const)
    expect(await fetchAttachment(text, { allowPrivate: true, limitBytes: 1, timeoutMs: 1000 })).toEqual({
      kind: "problem",
      code: "invalid_attachment",
      message: `The attachment cannot be fetched from its URL: ${why}.`,
    });
});

test("each hop is looked at: a public host that leads to a private one is refused before it is asked", async () => {
  const first = "https://files.example.com/a";
  for (const [location, at] of [
    ["http://127.0.0.1:8787/admin", "127.0.0.1"],
    ["http://[::ffff:10.0.0.1]/", "[::ffff:a00:1]"],
    ["//169.254.169.254/latest", "169.254.169.254"],
    ["http://0x7f.1/", "127.0.0.1"],
    ["http://metadata.google.internal/", "metadata.google.internal"],
  ] as const) {
    const message = `from where files.example.com redirects to: ${at} is not a public address.`;
    const expected = { code: "security_error", message: expect.stringContaining(message) };
    await checkRoute({ [first]: { status: 302, location } }, expected, [first]);
  }
  const second = "https://cdn.example.net/b";
  await checkRoute(
    { [first]: { status: 302, location: second }, [second]: { status: 307, location: "http://localhost/" } },
    { code: "security_error", message: expect.stringContaining("cdn.example.net redirects to: localhost") },
    [first, second],
  );
  await checkRoute(
    { [first]: { status: 302, location: second }, [second]: { status: 200, body: "x" } },
    { kind: "fetched", bytes: 1, filename: "b" },
    [first, second],
  );
});
