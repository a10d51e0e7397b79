/**
 * An authoritative-looking DNS server on loopback, UDP, TCP and HTTP (RFC 8484), answering from a zone given as data.
 *
 * It follows CNAMEs inside the zone as a recursive server does, and counts questions. Names are compared in
 * lower case. A name of the zone without the type asked for is NODATA; a name not in it, NXDOMAIN.
 */
import { createSocket } from "node:dgram";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { decode, encode, streamDecode, streamEncode, type Answer, type Packet } from "dns-packet";

export type Records = {
  /** `[preference, exchange]`; a null MX is `[0, "."]`. */
  mx?: readonly (readonly [preference: number, exchange: string])[];
  a?: readonly string[];
  aaaa?: readonly string[];
  /** One text a record; longer than 255 octets is cut into strings. */
  txt?: readonly string[];
  cname?: string;
};

/** What a name answers: records, or how its questions fail. `never`: no answer at all. */
export type Zone = Record<string, Records | "servfail" | "nxdomain" | "refused" | "never">;

export type DnsServer = {
  readonly host: string;
  readonly port: number;
  /** `ip:port`, as `HIKYAKU_DNS` takes it. */
  readonly address: string;
  /** As `HIKYAKU_DOH_URL` takes it. */
  readonly dohUrl: string;
  /** Questions so far, `MX dest.test`. */
  readonly questions: string[];
  /** Replaces the zone. */
  rezone(zone: Zone): void;
  close(): Promise<void>;
};

export const startDnsServer = async (zone: Zone, host = "127.0.0.1"): Promise<DnsServer> => {
  let current = zone;
  const questions: string[] = [];
  const answer = (query: Packet): Packet | undefined => {
    const [question] = query.questions ?? [];
    if (!question) return undefined;
    questions.push(`${question.type} ${question.name.toLowerCase()}`);
    const found = look(current, question.name, question.type);
    if (found === undefined) return undefined;
    return {
      type: "response",
      id: query.id ?? 0,
      // AA and RA; the low bits are the response code.
      flags: 0x0400 | 0x0080 | ((query.flags ?? 0) & 0x0100) | found.code,
      questions: [question],
      answers: found.answers,
    };
  };

  const doh = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const reply = answer(decode(Buffer.concat(chunks)));
      if (reply) response.writeHead(200, { "content-type": "application/dns-message" }).end(encode(reply));
    });
  });
  await new Promise<void>((resolve) => doh.listen(0, host, resolve));
  const dohAddress = doh.address();
  const dohPort = typeof dohAddress === "object" && dohAddress ? dohAddress.port : 0;

  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let input = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      input = Buffer.concat([input, chunk]);
      while (input.length >= 2 && input.length >= 2 + input.readUInt16BE(0)) {
        const octets = 2 + input.readUInt16BE(0);
        const response = answer(streamDecode(input.subarray(0, octets)));
        if (response) socket.write(streamEncode(response));
        input = input.subarray(octets);
      }
    });
  });
  const udp = createSocket("udp4");
  udp.on("message", (bytes, from) => {
    const response = answer(decode(bytes));
    if (!response) return;
    const encoded = encode(response);
    // RFC 1035 §4.2.1: what does not fit is cut, and asked again by TCP.
    const fits =
      encoded.length <= 512 ? encoded : encode({ ...response, flags: (response.flags ?? 0) | 0x0200, answers: [] });
    udp.send(fits, from.port, from.address);
  });

  // A port that TCP gave may be taken in UDP: try another.
  for (;;) {
    await new Promise<void>((resolve) => tcp.listen(0, host, resolve));
    const { port } = tcp.address() as AddressInfo; // Listening on TCP: never a pipe's path or null.
    const bound = await new Promise<boolean>((resolve) => {
      udp.once("error", () => resolve(false));
      udp.bind(port, host, () => resolve(true));
    });
    if (bound) {
      udp.removeAllListeners("error");
      return {
        host,
        port,
        dohUrl: `http://${host}:${dohPort}/dns-query`,
        address: `${host}:${port}`,
        questions,
        rezone: (next) => {
          current = next;
        },
        close: async () => {
          for (const socket of sockets) socket.destroy();
          doh.closeAllConnections();
          doh.close();
          await Promise.all([
            new Promise<void>((resolve) => tcp.close(() => resolve())),
            new Promise<void>((resolve) => udp.close(() => resolve())),
          ]);
        },
      };
    }
    await new Promise<void>((resolve) => tcp.close(() => resolve()));
  }
};

const CODES = { servfail: 2, nxdomain: 3, refused: 5 } as const;

const look = (zone: Zone, asked: string, type: string): { code: number; answers: Answer[] } | undefined => {
  const answers: Answer[] = [];
  // A chain of CNAMEs; longer than this is a loop.
  for (let name = asked.toLowerCase(); answers.length < 8;) {
    const entry = zone[name] ?? "nxdomain";
    if (entry === "never") return undefined;
    if (typeof entry === "string") return { code: CODES[entry], answers };
    if (entry.cname === undefined || type === "CNAME")
      return { code: 0, answers: [...answers, ...records(name, entry, type)] };
    answers.push({ type: "CNAME", name, ttl: 60, data: entry.cname });
    name = entry.cname.toLowerCase();
  }
  return { code: CODES.servfail, answers: [] };
};

const records = (name: string, entry: Records, type: string): Answer[] => {
  const ttl = 60;
  switch (type) {
    case "MX":
      return (entry.mx ?? []).map(([preference, exchange]) => ({
        type: "MX",
        name,
        ttl,
        data: { preference, exchange },
      }));
    case "A":
      return (entry.a ?? []).map((data) => ({ type: "A", name, ttl, data }));
    case "AAAA":
      return (entry.aaaa ?? []).map((data) => ({ type: "AAAA", name, ttl, data }));
    case "TXT":
      return (entry.txt ?? []).map((text) => ({ type: "TXT", name, ttl, data: text.match(/[\s\S]{1,255}/g) ?? [""] }));
    case "CNAME":
      return entry.cname === undefined ? [] : [{ type: "CNAME", name, ttl, data: entry.cname }];
    default:
      return [];
  }
};
