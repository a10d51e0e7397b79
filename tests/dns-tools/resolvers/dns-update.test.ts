/**
 * A plan sent by DNS UPDATE to a server on loopback that answers by a script, signed by a signer of its own: what goes
 * out, and what is made of each way to answer. What a real server makes of it: tests/interop/dns-server.test.ts.
 */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { txtRecord as txt, type Change } from "#dns/zone.ts";
import { publish, type Publication, type UpdateOptions } from "#resolvers/dns-update.ts";
import { cname, mx } from "../lib/plan-steps.ts";
import { PATIENCE_MS } from "../../support/patience.ts";

const NOW = 1_764_000_000;
const SECRET = Buffer.alloc(32, 7);
const KEY = { name: "writer.key", algorithm: "hmac-sha256", secretBase64: SECRET.toString("base64") } as const;

let server: Server;
let port: number;
let script: (message: Buffer, socket: Socket) => void;
const asked: Buffer[] = [];

beforeAll(async () => {
  server = createServer((socket) => {
    let input = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      input = Buffer.concat([input, chunk]);
      if (input.length < 2 || input.length < 2 + input.readUInt16BE(0)) return;
      asked.push(input.subarray(2));
      script(input.subarray(2), socket);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterAll(() => void server.close());

const send = (changes: readonly Change[], options: Partial<UpdateOptions> = {}): Promise<Publication> =>
  publish(changes, {
    ...{ zone: "test", server: { address: "127.0.0.1", port }, key: KEY, nowSeconds: NOW, timeoutMs: PATIENCE_MS },
    ...options,
  });

const u16 = (value: number): number[] => [value >> 8, value & 0xff];
const u48 = (value: number): number[] => [
  ...u16(Math.floor(value / 2 ** 32)),
  ...u16(Math.floor(value / 2 ** 16) % 2 ** 16),
  ...u16(value % 2 ** 16),
];
const nameOctets = (name: string): number[] => [
  ...name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]),
  0,
];

type Answer = {
  rcode?: number;
  error?: number;
  secret?: Buffer;
  atSeconds?: number;
  /** Who could not check ours does not sign. */
  isSigned?: boolean;
  /** In the place of our signature's. */
  requestMac?: Buffer;
  id?: number;
};
/** As RFC 8945 §5.3 has it: header, and the signature as the only record. */
const answerTo = (message: Buffer, answer: Answer): Buffer => {
  const { rcode = 0, error = 0, secret = SECRET, atSeconds = NOW, isSigned = true } = answer;
  const { id = message.readUInt16BE(0), requestMac = message.subarray(-38, -6) } = answer;
  const header = [...u16(id), 0xa8, rcode, 0, 0, 0, 0, 0, 0];
  const [name, algorithm] = [nameOctets("writer.key"), nameOctets("hmac-sha256")];
  const stamp = [...u48(atSeconds), ...u16(300)];
  const signed = [
    ...[...u16(requestMac.length), ...requestMac, ...header, 0, 0, ...name, 0, 255, 0, 0, 0, 0],
    ...[...algorithm, ...stamp, ...u16(error), 0, 0],
  ];
  const mac = isSigned ? [...createHmac("sha256", secret).update(Buffer.from(signed)).digest()] : [];
  const data = [...algorithm, ...stamp, ...u16(mac.length), ...mac, ...u16(id), ...u16(error), 0, 0];
  return Buffer.from([...header, 0, 1, ...name, 0, 250, 0, 255, 0, 0, 0, 0, ...u16(data.length), ...data]);
};
const framed = (message: Buffer): Buffer => Buffer.concat([Buffer.from(u16(message.length)), message]);
const answering =
  (answer: Answer): typeof script =>
  (message, socket) =>
    void socket.write(framed(answerTo(message, answer)));

const ADD: Change = { kind: "add", purpose: "SPF", to: txt("new.test", "x"), beside: [] };

const check = (title: string, by: typeof script, expected: object, options: Partial<UpdateOptions> = {}): void => {
  test(title, async () => {
    script = by;
    expect(await send([ADD], options)).toEqual(expected);
  });
};
const refused = (rcode: number, reason: string): object => ({
  kind: "refused",
  rcode,
  reason: expect.stringMatching(`^127.0.0.1:\\d+ ${reason}`),
});
const unknown = (reason: string): object => ({
  kind: "failed",
  reason: expect.stringMatching(`${reason}: it may have been done, look before you try again$`),
});

check("done, and signed", answering({}), { kind: "done" });
check("done, says who does not sign", answering({ isSigned: false }), unknown("did not sign its answer"));
check("done, says another key", answering({ secret: Buffer.alloc(32, 8) }), unknown("its signature is wrong"));
check(
  "done, signed for another question",
  answering({ requestMac: Buffer.alloc(32) }),
  unknown("its signature is wrong"),
);
check("done, signed long ago", answering({ atSeconds: NOW - 301 }), unknown("its signature is old"));
check("done, to another id", answering({ id: 1 }), unknown("sent what is no answer to the update"));
check(
  "what was sent comes back",
  (message, socket) => void socket.write(framed(message)),
  unknown("sent what is no answer to the update"),
);
check(
  "an empty answer",
  (_, socket) => void socket.write(framed(Buffer.alloc(0))),
  unknown("sent what is no answer to the update"),
);
check(
  "an answer that stops",
  (message, socket) => void socket.end(framed(answerTo(message, {})).subarray(0, 30)),
  unknown("closed the connection"),
);
check(
  "an answer whose length is too short",
  (message, socket) => void socket.write(framed(answerTo(message, {}).subarray(0, 30))),
  unknown("it is not a whole DNS message"),
);
check(
  "an answer octet by octet",
  (message, socket) => {
    for (const octet of framed(answerTo(message, {}))) socket.write(Buffer.from([octet]));
  },
  { kind: "done" },
);
check("the connection closed", (_, socket) => void socket.end(), unknown("closed the connection"));
check("silence", () => {}, unknown("did not answer in time"), { timeoutMs: 100 });
check(
  "the zone is another",
  answering({ rcode: 8 }),
  refused(8, "has other records than the plan saw: make a new plan"),
);
check("no right", answering({ rcode: 5 }), refused(5, "does not let this key make these changes"));
check("a code that nobody knows", answering({ rcode: 13 }), refused(13, "refuses it with the code 13"));
check("BADTIME", answering({ rcode: 9, error: 18 }), refused(9, "has a clock that is too far from ours"));
check("BADKEY", answering({ rcode: 9, error: 17, isSigned: false }), refused(9, "does not know the key"));
check("BADSIG", answering({ rcode: 9, error: 16, isSigned: false }), refused(9, "has another secret for the key"));
check(
  "nobody there",
  () => {},
  { kind: "failed", reason: expect.stringMatching(/could not be asked .*: nothing was sent$/) },
  {
    server: { address: "127.0.0.1", port: 1 },
  },
);

test("nothing to change: nobody is asked", async () => {
  const before = asked.length;
  script = () => {};
  expect(await send([{ kind: "keep", purpose: "SPF", record: txt("d.test", "x") }])).toEqual({ kind: "done" });
  expect(await send([{ kind: "unknown", purpose: "SPF", name: "d.test", type: "TXT", reason: "" }])).toEqual({
    kind: "done",
  });
  expect(asked).toHaveLength(before);
});

test("what cannot be sent is not", async () => {
  const before = asked.length;
  const refuse = async (change: Change, options: Partial<UpdateOptions>, reason: string): Promise<void> =>
    expect(await send([change], options)).toEqual({
      kind: "failed",
      reason: expect.stringContaining(`nothing was sent: ${reason}`),
    });
  await refuse(ADD, { key: { ...KEY, secretBase64: "§" } }, "the key's secret is not base64");
  await refuse(ADD, { key: { ...KEY, name: "a..key" } }, "the DNS cannot hold the name a..key");
  await refuse(ADD, { zone: `${"x".repeat(64)}.test` }, "the DNS cannot hold the name x");
  await refuse({ ...ADD, to: mx("d.test", "a..b") }, {}, "the DNS cannot hold the name a..b");
  await refuse({ ...ADD, to: txt("d.test", "x".repeat(65_400)) }, {}, "it is too much for one update");
  expect(asked).toHaveLength(before);
});

/** A record of a message as text: name, type, class, TTL and data. */
const recordsOf = (message: Buffer): string[] => {
  let at = 12;
  const readName = (): string => {
    const labels: string[] = [];
    for (let octets = message[at++] ?? 0; octets > 0; octets = message[at++] ?? 0) {
      labels.push(message.toString("latin1", at, at + octets));
      at += octets;
    }
    return labels.join(".");
  };
  readName();
  at += 4;
  const lines: string[] = [];
  const counts = [6, 8].map((offset) => message.readUInt16BE(offset));
  for (const count of counts)
    for (let left = count; left > 0; left--) {
      const name = readName();
      const [type, recordClass, ttl, size] = [
        message.readUInt16BE(at),
        message.readUInt16BE(at + 2),
        message.readUInt32BE(at + 4),
        message.readUInt16BE(at + 8),
      ];
      at += 10 + size;
      lines.push(`${name} ${type} ${recordClass} ${ttl} ${message.toString("hex", at - size, at)}`);
    }
  return [counts.join("+"), ...lines];
};

test("what the plan saw goes before what it changes; what goes, before what comes", async () => {
  script = answering({});
  const changes: Change[] = [
    {
      kind: "replace",
      purpose: "SPF",
      from: [txt("d.test", "a")],
      to: txt("d.test", "b"),
      beside: [txt("d.test", "c")],
    },
    { kind: "replace", purpose: "SPF", from: [cname("s.test", "x.y")], to: mx("s.test", "h", 10), beside: [] },
    { kind: "keep", purpose: "DKIM", record: txt("k.test", "k") },
  ];
  expect(await send(changes)).toEqual({ kind: "done" });
  const [TXT, MX, CNAME, IN, NONE] = [16, 15, 5, 1, 254];
  expect(recordsOf(asked.at(-1) ?? Buffer.alloc(0))).toEqual([
    "5+4",
    // RFC 2136 §2.4.2: these and no others; §2.4.3: none.
    `d.test ${TXT} ${IN} 0 0161`,
    `d.test ${TXT} ${IN} 0 0163`,
    `d.test ${CNAME} ${NONE} 0 `,
    `s.test ${MX} ${NONE} 0 `,
    `s.test ${CNAME} ${IN} 0 0178017900`,
    // RFC 2136 §2.5.4: this one goes.
    `d.test ${TXT} ${NONE} 0 0161`,
    `s.test ${CNAME} ${NONE} 0 0178017900`,
    `d.test ${TXT} ${IN} 3600 0162`,
    `s.test ${MX} ${IN} 3600 000a016800`,
  ]);
});
