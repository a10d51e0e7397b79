/** The DoH resolver against an HTTP server on loopback that answers well, and in every wrong way. */
import { createServer, type Server, type ServerResponse } from "node:http";
import { decode, encode, type Answer as WireRecord, type DecodedPacket, type Packet } from "dns-packet";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { txtText } from "#dns/resolver.ts";
import { dohResolver } from "#resolvers/doh.ts";
import { PATIENCE_MS } from "../../support/patience.ts";

const RCODES = { nxdomain: 3, refused: 5, servfail: 2 } as const;
const AD = 0x0020;
const TC = 0x0200;

/** What the server does with a question. */
type Script = (query: DecodedPacket, response: ServerResponse) => void;

let script: Script;
let server: Server;
let url: string;
let asked: DecodedPacket[];
let posts: { method: string | undefined; contentType: string | undefined }[];

const listen = async (): Promise<Server> => {
  const made = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const query = decode(Buffer.concat(chunks));
      asked.push(query);
      posts.push({ method: request.method, contentType: request.headers["content-type"] });
      script(query, response);
    });
  });
  await new Promise<void>((done) => made.listen(0, "127.0.0.1", done));
  return made;
};

const urlOf = (made: Server): string => {
  const address = made.address();
  return typeof address === "object" && address ? `http://127.0.0.1:${address.port}/dns-query` : "";
};

beforeAll(async () => {
  server = await listen();
  url = urlOf(server);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = [];
  posts = [];
});

const send = (response: ServerResponse, body: Uint8Array, contentType = "application/dns-message"): void => {
  response.writeHead(200, { "content-type": contentType }).end(body);
};

/** An answer to what was asked, with parts replaced. */
const answering =
  (answers: WireRecord[], changes: Partial<Packet> = {}): Script =>
  ({ id, questions }, response) =>
    send(response, encode({ type: "response", id, flags: 0x0180, questions, answers, ...changes }));

const txt = (name: string, data: string | string[], ttl = 300): WireRecord => ({ type: "TXT", name, ttl, data });
const cname = (name: string, data: string, ttl = 300): WireRecord => ({ type: "CNAME", name, ttl, data });

const resolver = (timeoutMs = PATIENCE_MS) => dohResolver({ urls: [url], timeoutMs });

describe("answers", () => {
  test("the question is a POST of a DNS message that wants recursion and validation", async () => {
    script = answering([txt("d.test", "a")]);
    await resolver()("d.test", "TXT");
    expect(posts).toEqual([{ method: "POST", contentType: "application/dns-message" }]);
    expect(asked[0]).toMatchObject({
      id: 0,
      flag_rd: true,
      flag_ad: true,
      questions: [{ name: "d.test", type: "TXT" }],
    });
  });

  test("a resolver that does not believe the signatures says so by an extended error", async () => {
    const failing = (...octets: number[]): Script => {
      const opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, octets.length + 4, 0, 15, 0, octets.length, ...octets];
      return ({ id, questions }, response) => {
        const message = encode({ type: "response", id, flags: 0x0182, questions });
        message[11] = 1;
        send(response, Buffer.concat([message, Buffer.from(opt)]));
      };
    };
    script = failing(0, 7, 0x6f, 0x6c, 0x64);
    expect(await resolver()("d.test", "TXT")).toEqual({
      kind: "servfail",
      reason: expect.stringMatching(/^DNSSEC validation failed at 127\.0\.0\.1:\d+: a signature has expired$/),
    });
    script = failing(0, 22);
    expect(await resolver()("d.test", "TXT")).toMatchObject({
      kind: "servfail",
      reason: expect.stringMatching(/answered with the code 2$/),
    });
  });

  test("TXT keeps its records and their strings apart, as bytes", async () => {
    script = answering([txt("d.test", ["v=DKIM1; ", "p=\u00e9"], 60), txt("D.TEST", "other", 30)]);
    const answer = await resolver()("d.test", "TXT");
    expect(answer).toMatchObject({ kind: "records", ttlSeconds: 30, authenticated: false, aliases: [] });
    if (answer.kind !== "records") return;
    expect(answer.records.map((strings) => strings.length)).toEqual([2, 1]);
    expect(answer.records.map(txtText)).toEqual(["v=DKIM1; p=\u00e9", "other"]);
  });

  test("each type has its data", async () => {
    const name = "d.test";
    const ask = async (record: WireRecord): Promise<unknown> => {
      script = answering([record]);
      // OPT is no type to ask for; the others here are.
      const { type } = record;
      if (type !== "MX" && type !== "A" && type !== "AAAA" && type !== "NS" && type !== "PTR") return undefined;
      const answer = await resolver()(name, type);
      return answer.kind === "records" ? answer.records : answer;
    };
    expect(await ask({ type: "A", name, data: "192.0.2.1" })).toEqual(["192.0.2.1"]);
    expect(await ask({ type: "AAAA", name, data: "2001:db8::1" })).toEqual(["2001:db8::1"]);
    expect(await ask({ type: "NS", name, data: "ns.test" })).toEqual(["ns.test"]);
    expect(await ask({ type: "PTR", name, data: "host.test" })).toEqual(["host.test"]);
    expect(await ask({ type: "MX", name, data: { preference: 10, exchange: "mx.test" } })).toEqual([
      { preference: 10, exchange: "mx.test" },
    ]);

    script = answering([{ type: "CAA", name, data: { flags: 128, tag: "issue", value: "ca.test" } }]);
    expect(await resolver()(name, "CAA")).toMatchObject({ records: [{ flags: 128, tag: "issue", value: "ca.test" }] });
    const certificate = Buffer.from("c0ffee", "hex");
    script = answering([{ type: "TLSA", name, data: { usage: 3, selector: 1, matchingType: 1, certificate } }]);
    const tlsa = await resolver()(name, "TLSA");
    expect(tlsa).toMatchObject({ records: [{ usage: 3, selector: 1, matchingType: 1 }] });
    expect(tlsa.kind === "records" && tlsa.records[0]?.certificate).toEqual(new Uint8Array([0xc0, 0xff, 0xee]));
    const soa = { mname: "ns.test", rname: "host.test", serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 };
    script = answering([{ type: "SOA", name, data: soa }]);
    expect(await resolver()(name, "SOA")).toMatchObject({ records: [soa] });
  });

  test("CNAMEs are followed and told; the shortest TTL of the way counts", async () => {
    script = answering([cname("s.test", "a.test", 20), txt("b.test", "key", 300), cname("a.test", "B.test", 100)]);
    expect(await resolver()("s.test", "TXT")).toMatchObject({
      kind: "records",
      ttlSeconds: 20,
      aliases: ["a.test", "B.test"],
    });
    script = answering([cname("s.test", "a.test")]);
    expect(await resolver()("s.test", "TXT")).toEqual({ kind: "nodata" });
    expect(await resolver()("s.test", "CNAME")).toMatchObject({ kind: "records", records: ["a.test"], aliases: [] });
    script = answering([cname("s.test", "a.test"), cname("a.test", "s.test")]);
    expect(await resolver()("s.test", "TXT")).toMatchObject({
      kind: "servfail",
      reason: expect.stringContaining("circle"),
    });
  });

  test("records of other names and types are not ours", async () => {
    script = answering([txt("other.test", "x"), { type: "A", name: "d.test", data: "192.0.2.1" }]);
    expect(await resolver()("d.test", "TXT")).toEqual({ kind: "nodata" });
  });

  test("AD says authenticated", async () => {
    script = answering([txt("d.test", "a")], { flags: 0x0180 | AD });
    expect(await resolver()("d.test", "TXT")).toMatchObject({ authenticated: true });
  });

  test("codes", async () => {
    const coded = async (code: number): Promise<string> => {
      script = answering([], { flags: 0x0180 | code });
      return (await resolver()("d.test", "TXT")).kind;
    };
    expect(await coded(0)).toBe("nodata");
    expect(await coded(RCODES.nxdomain)).toBe("nxdomain");
    expect(await coded(RCODES.refused)).toBe("refused");
    expect(await coded(RCODES.servfail)).toBe("servfail");
    expect(await coded(4)).toBe("servfail");
  });
});

describe("what is no answer to our question is a servfail that says so", () => {
  const check = (title: string, hostile: Script, reason: string): void => {
    test(title, async () => {
      script = hostile;
      const answer = await resolver()("d.test", "TXT");
      expect(answer).toMatchObject({ kind: "servfail", reason: expect.stringContaining(reason) });
    });
  };
  const good = [txt("d.test", "v=spf1 -all")];
  check("another id", answering(good, { id: 7 }), "another question");
  check("another name", answering(good, { questions: [{ name: "e.test", type: "TXT" }] }), "another question");
  check("another type", answering(good, { questions: [{ name: "d.test", type: "MX" }] }), "another question");
  check("no question", answering(good, { questions: [] }), "another question");
  check(
    "two questions",
    ({ questions = [], ...query }, response) =>
      answering(good, { questions: [...questions, ...questions] })({ ...query, questions }, response),
    "another question",
  );
  check("our query, sent back", answering(good, { type: "query" }), "another question");
  check("truncated, as its flag says", answering(good, { flags: 0x0180 | TC }), "truncated");
  check(
    "status 404 with an answer",
    ({ id, questions }, response) => {
      response.writeHead(404, { "content-type": "application/dns-message" });
      response.end(encode({ type: "response", id, flags: 0x0180, questions, answers: good }));
    },
    "404",
  );
  check("status 500", (_, response) => response.writeHead(500).end("no"), "500");
  check("a web page", (_, response) => send(response, Buffer.from("<!doctype html>"), "text/html"), "text/html");
  check(
    "a web page that says it is DNS",
    (_, response) => send(response, Buffer.from("<!doctype html>")),
    "not a DNS message",
  );
  check("nothing", (_, response) => send(response, Buffer.alloc(0)), "not a DNS message");
  check("70,000 octets", (_, response) => send(response, Buffer.alloc(70_000)), "more than");
  check(
    "a body without end",
    (_, response) => {
      response.writeHead(200, { "content-type": "application/dns-message" });
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
      };
      response.on("drain", more);
      more();
    },
    "more than",
  );
  check("a closed connection", (_, response) => response.destroy(), "could not be asked");
});

test("an answer cut anywhere is never read as records", async () => {
  const cut: string[] = [];
  let whole: Buffer = Buffer.alloc(0);
  const records: WireRecord[] = [txt("d.test", ["v=DKIM1; p=", "AAAA"]), txt("d.test", "other")];
  for (let octets = 0; octets === 0 || octets < whole.length; octets++) {
    script = ({ id, questions }, response) => {
      whole = encode({ type: "response", id, flags: 0x0180, questions, answers: records });
      send(response, whole.subarray(0, octets));
    };
    cut.push((await resolver()("d.test", "TXT")).kind);
  }
  expect(cut.length).toBeGreaterThan(60);
  expect(new Set(cut)).toEqual(new Set(["servfail"]));
});

describe("deadlines", () => {
  const headersOnly: Script = (_, response) => {
    response.writeHead(200, { "content-type": "application/dns-message" }).write(Buffer.alloc(5));
  };
  for (const [title, hang] of [
    ["no answer", () => {}],
    ["an answer that stops", headersOnly],
  ] as const)
    test(title, async () => {
      script = hang;
      expect(await resolver(400)("d.test", "TXT")).toMatchObject({ kind: "timeout" });
    });

  test("the caller's signal ends it, and no other resolver is asked", async () => {
    script = () => {};
    const resolve = dohResolver({ urls: [url, url], timeoutMs: 60_000 });
    expect(await resolve("d.test", "TXT", AbortSignal.timeout(100))).toMatchObject({ kind: "timeout" });
    expect(asked.length).toBe(1);
  });
});

describe("several resolvers", () => {
  test("the next is asked when one fails, in each way", async () => {
    const closed = await listen();
    const gone = urlOf(closed);
    await new Promise((done) => closed.close(done));
    for (const first of [gone, "nonsense", url]) {
      let times = 0;
      script = (query, response) => {
        times++;
        if (first === url && times === 1) response.writeHead(503).end();
        else answering([txt("d.test", "a")])(query, response);
      };
      const resolve = dohResolver({ urls: [first, url], timeoutMs: PATIENCE_MS });
      expect(await resolve("d.test", "TXT"), first).toMatchObject({ kind: "records" });
    }
  });

  test("the last failure is told; `not there` is an answer", async () => {
    script = (_, response) => response.writeHead(asked.length === 1 ? 500 : 502).end();
    const resolve = dohResolver({ urls: [url, url], timeoutMs: PATIENCE_MS });
    expect(await resolve("d.test", "TXT")).toMatchObject({ kind: "servfail", reason: expect.stringContaining("502") });
    asked = [];
    script = answering([], { flags: 0x0183 });
    expect(await resolve("d.test", "TXT")).toEqual({ kind: "nxdomain" });
    expect(asked.length).toBe(1);
    expect(await dohResolver({ urls: [], timeoutMs: PATIENCE_MS })("d.test", "TXT")).toMatchObject({
      kind: "servfail",
    });
  });
});

test("a name that fits no DNS message is not asked", async () => {
  script = answering([]);
  for (const name of [
    "",
    "a..test",
    ".test",
    "test.",
    `${"x".repeat(64)}.test`,
    "x.".repeat(127) + "test",
    "exämple.test",
  ])
    expect(await resolver()(name, "TXT"), name).toMatchObject({ kind: "servfail" });
  expect(asked).toEqual([]);
  const longest = `${"x.".repeat(124)}tests`;
  expect(longest.length).toBe(253);
  for (const name of [longest, `${"x".repeat(63)}.test`, "_25._tcp.a+b=c.test"])
    expect(await resolver()(name, "TXT"), name).toEqual({ kind: "nodata" });
});
