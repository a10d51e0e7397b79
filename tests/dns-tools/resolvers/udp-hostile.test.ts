/** The UDP resolver against a server on loopback that lies, and one whose answers have to be fetched over TCP. */
import { createSocket } from "node:dgram";
import { describe, expect, test } from "vitest";
import { framed, respond, silent, type Asked, type Script } from "../support/scripted-dns-server.ts";
import { GOOD, TC, TIMEOUT_MS, good, startUdpScene, texts, truncated, txt } from "../support/udp-scene.ts";

const { server, ask } = await startUdpScene();

describe("what is not the answer to our question is passed over", () => {
  const otherPort = async (asked: Asked, bytes: Uint8Array): Promise<void> => {
    const socket = createSocket("udp4");
    await new Promise<void>((done) => socket.send(bytes, asked.port, "127.0.0.1", () => done()));
    socket.close();
  };
  const evil = [txt("evil")];
  const strangers: [string, (asked: Asked) => void | Promise<void>][] = [
    ["another id", (asked) => asked.send(respond(asked, evil, { id: ((asked.query.id ?? 0) + 1) & 0xffff }))],
    [
      "another id, by its first octet",
      (asked) => asked.send(respond(asked, evil, { id: (asked.query.id ?? 0) ^ 0x100 })),
    ],
    ["another name", (asked) => asked.send(respond(asked, evil, { questions: [{ name: "e.test", type: "TXT" }] }))],
    ["another type", (asked) => asked.send(respond(asked, evil, { questions: [{ name: "d.test", type: "MX" }] }))],
    [
      "another class",
      (asked) => asked.send(respond(asked, evil, { questions: [{ name: "d.test", type: "TXT", class: "CH" }] })),
    ],
    ["no question", (asked) => asked.send(respond(asked, evil, { questions: [] }))],
    [
      "two questions",
      (asked) =>
        asked.send(
          respond(asked, evil, { questions: [...(asked.query.questions ?? []), { name: "d.test", type: "A" }] }),
        ),
    ],
    ["our question itself", (asked) => asked.send(asked.bytes)],
    ["nothing", (asked) => asked.send(Buffer.alloc(0))],
    ["half a header", (asked) => asked.send(asked.bytes.subarray(0, 6))],
    ["noise", (asked) => asked.send(Buffer.alloc(500, 0xc0))],
    [
      "a truncated answer to another question",
      (asked) => asked.send(respond(asked, [], { id: ((asked.query.id ?? 0) + 1) & 0xffff, flags: 0x0180 | TC })),
    ],
    ["a perfect answer from another port", (asked) => otherPort(asked, respond(asked, evil))],
  ];
  for (const [title, send] of strangers) {
    test(`${title}, then the answer`, async () => {
      const udp = async (asked: Asked): Promise<void> => {
        await send(asked);
        setTimeout(() => good(asked), 20);
      };
      server.script = { ...silent, udp: (asked) => void udp(asked) };
      expect(texts(await ask())).toEqual(["good"]);
      expect(server.tcpQuestions).toEqual([]);
    });
    test(`${title}, then nothing`, async () => {
      server.script = { ...silent, udp: (asked) => void send(asked) };
      expect(await ask([server], 100)).toMatchObject({ kind: "timeout" });
    });
  }

  test("a flood of guesses ends in a question over TCP, where none can be made", async () => {
    server.script = {
      udp: (asked) => {
        for (let id = 0; id < 40; id++)
          asked.send(respond(asked, evil, { id: ((asked.query.id ?? 0) + 1 + id) & 0xffff }));
      },
      tcp: good,
    };
    expect(texts(await ask())).toEqual(["good"]);
    expect(server.tcpQuestions.length).toBe(1);
  });

  test("an answer that is ours and cannot be read is a failure at once", async () => {
    server.script = { ...silent, udp: (asked) => asked.send(respond(asked, GOOD).subarray(0, -3)) };
    expect(await ask()).toMatchObject({ kind: "servfail", reason: expect.stringContaining("not a DNS message") });
  });
});

describe("an answer that is truncated is asked for over TCP", () => {
  const check = (title: string, tcp: Script["tcp"], kind: string, reason = ""): void => {
    test(title, async () => {
      server.script = { udp: truncated, tcp };
      const answer = await (kind === "timeout" ? ask([server], TIMEOUT_MS) : ask());
      if (kind === "good") expect(texts(answer)).toEqual(["good"]);
      else expect(answer).toMatchObject({ kind, reason: expect.stringContaining(reason) });
      expect(server.tcpQuestions.length).toBe(1);
    });
  };
  check("whole", good, "good");
  check(
    "octet by octet",
    (asked, socket) => {
      socket.setNoDelay(true);
      const octets = [...framed(respond(asked, GOOD))];
      const next = (): void => {
        const octet = octets.shift();
        if (octet !== undefined) socket.write(Buffer.from([octet]), () => setImmediate(next));
      };
      next();
    },
    "good",
  );
  check(
    "with more behind it",
    (asked, socket) => socket.write(Buffer.concat([framed(respond(asked, GOOD)), Buffer.alloc(100_000)])),
    "good",
  );
  check("and then silence", () => {}, "timeout", "did not answer in time");
  check(
    "and then half of it",
    (asked, socket) => socket.write(framed(respond(asked, GOOD)).subarray(0, 20)),
    "timeout",
  );
  check("and then a length alone", (_, socket) => socket.write(Buffer.from([0])), "timeout");
  check("and then the end", (_, socket) => socket.end(), "servfail", "closed the connection");
  check(
    "and then half of it and the end",
    (asked, socket) => socket.end(framed(respond(asked, GOOD)).subarray(0, 20)),
    "servfail",
    "closed",
  );
  check("and then a reset", (_, socket) => socket.resetAndDestroy(), "servfail", "could not be asked");
  check("truncated again", truncated, "servfail", "truncated");
  check(
    "another id",
    (asked) => asked.send(respond(asked, GOOD, { id: ((asked.query.id ?? 0) + 1) & 0xffff })),
    "servfail",
    "another question",
  );
  check("an empty message", (asked) => asked.send(Buffer.alloc(0)), "servfail", "another question");
  check(
    "noise without end",
    (_, socket) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(16_384, 0xff)));
      };
      socket.on("drain", more);
      more();
    },
    "servfail",
    "another question",
  );

  test("60,000 octets of TXT come whole", async () => {
    const long = Array.from({ length: 230 }, (_, at) => "x".repeat(255 - (at % 2)));
    server.script = { udp: truncated, tcp: (asked) => asked.send(respond(asked, [txt(long)])) };
    expect(texts(await ask())).toEqual([long.join("")]);
  });

  test("from a server without TCP", async () => {
    const udp = createSocket("udp4");
    await new Promise<void>((done) => udp.bind(0, "127.0.0.1", done));
    udp.on("message", (bytes, from) => {
      const answer = Buffer.from(bytes);
      answer[2] = 0x83;
      udp.send(answer, from.port, from.address);
    });
    expect(await ask([{ address: "127.0.0.1", port: udp.address().port }])).toMatchObject({
      kind: "servfail",
      reason: expect.stringContaining("could not be asked"),
    });
    udp.close();
  });
});
