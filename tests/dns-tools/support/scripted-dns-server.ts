/**
 * A DNS server on loopback, UDP and TCP on one port, that does with each question what a script says, right or wrong.
 *
 * It records what it was asked, and knows no zone: `tests/support/dns-server.ts` has one.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { decode, encode, type Answer, type DecodedPacket, type Packet } from "dns-packet";

export type Asked = { query: DecodedPacket; bytes: Buffer; port: number; send: (bytes: Uint8Array) => void };
export type Script = { udp: (asked: Asked) => void; tcp: (asked: Asked, socket: Socket) => void };

export type ScriptedDnsServer = {
  address: string;
  port: number;
  script: Script;
  /** By UDP, in their order. */
  questions: Asked[];
  tcpQuestions: DecodedPacket[];
  close: () => Promise<void>;
};

/** The bytes of a response to a question, with parts replaced: QR, RD and RA are set unless told. */
export const respond = ({ query }: Asked, answers: Answer[], changes: Partial<Packet> = {}): Buffer => {
  const { id, questions } = query;
  return encode({ type: "response", id, flags: 0x0180, questions: questions ?? [], answers, ...changes });
};

/** As a TCP message: its length before it. */
export const framed = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);

export const silent: Script = { udp: () => {}, tcp: () => {} };

export const startScriptedDnsServer = async (address = "127.0.0.1"): Promise<ScriptedDnsServer> => {
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let input = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      input = Buffer.concat([input, chunk]);
      if (input.length < 2 || input.length < 2 + input.readUInt16BE(0)) return;
      const bytes = input.subarray(2);
      const query = decode(bytes);
      made.tcpQuestions.push(query);
      const send = (answer: Uint8Array): boolean => socket.write(framed(answer));
      made.script.tcp({ query, bytes, port: socket.remotePort ?? 0, send }, socket);
    });
  });
  const { udp, port } = await listen(tcp, address);
  udp.on("message", (bytes, from) => {
    const send = (answer: Uint8Array): void => udp.send(answer, from.port, from.address);
    const asked: Asked = { query: decode(bytes), bytes, port: from.port, send };
    made.questions.push(asked);
    made.script.udp(asked);
  });
  const made: ScriptedDnsServer = {
    address,
    port,
    script: silent,
    questions: [],
    tcpQuestions: [],
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all([
        new Promise<void>((done) => tcp.close(() => done())),
        new Promise<void>((done) => udp.close(() => done())),
      ]);
    },
  };
  return made;
};

/** A port that TCP gave may be taken in UDP: then another. */
const listen = async (
  tcp: ReturnType<typeof createServer>,
  address: string,
): Promise<{ udp: UdpSocket; port: number }> => {
  for (;;) {
    await new Promise<void>((done) => tcp.listen(0, address, done));
    const { port } = tcp.address() as AddressInfo; // Listening on TCP: never a pipe's path or null.
    const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
    const isBound = await new Promise<boolean>((done) => {
      udp.once("error", () => done(false));
      udp.bind(port, address, () => done(true));
    });
    if (isBound) return { udp, port };
    await new Promise<void>((done) => tcp.close(() => done()));
  }
};
