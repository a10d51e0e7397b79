/**
 * DNS over UDP, and over TCP where an answer does not fit (RFC 1035 §4.2, RFC 7766), on Node and Deno.
 *
 * The servers are asked in order until one gives an answer to our question. Packets that are not that answer are
 * passed over, so that who guesses must guess address, port, id and question within the deadline (RFC 5452 §9.1).
 * Nothing here rejects or waits longer than its deadlines. It keeps no answers, and does not walk from the root.
 */
import { createSocket } from "node:dgram";
import { connect, isIP, SocketAddress } from "node:net";
import type { Answer, RecordType, Resolve } from "#dns/resolver.ts";
import { formatQuestion, OPT_OCTETS, readAnswer } from "./dns-message.ts";

/** `address` is an IP address without a zone; `parseDnsServer` gives no other. */
export type DnsServer = { address: string; port: number };

export type UdpOptions = {
  servers: readonly DnsServer[];
  /** For each of the servers, UDP and TCP together. */
  timeoutMs: number;
};

/** RFC 1035 §4.2.2: the length before it has two octets. */
const LARGEST_ANSWER_OCTETS = 65_535;
const HEADER_OCTETS = 12;
/** Header bits (RFC 1035 §4.1.1). */
const RESPONSE = 0x8000;
const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
const RECURSION_AVAILABLE = 0x0080;
const DNS_PORT = 53;
/** A datagram that is lost is sent again within the deadline. */
const SENDINGS = 3;
/** RFC 5452 §9.3: who sees more forged answers than this is being attacked, and goes on where ids cannot be guessed. */
const MOST_STRANGERS = 20;

type Failure = { kind: "servfail" | "timeout" | "refused"; reason: string };
type Reply = { kind: "bytes"; bytes: Uint8Array } | Failure;
type Query = { bytes: Uint8Array; server: DnsServer; host: string; signal: AbortSignal };

/** Reads `ip`, `ip:port` or `[ip6]:port`, as `--dns` and Node's `getServers` have them; `undefined`: it is none. */
export const parseDnsServer = (text: string): DnsServer | undefined => {
  const [, ip6, ip4, portText = `${DNS_PORT}`] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = ip6 ?? ip4 ?? text;
  const port = Number(portText);
  if (isIP(address) === 0 || address.includes("%") || (ip6 !== undefined && isIP(ip6) !== 6)) return undefined;
  if (port < 1 || port > 65_535) return undefined;
  return { address, port };
};

/** The port over UDP and TCP. When all servers fail, the last one's failure is told. */
export const udpResolver = ({ servers, timeoutMs }: UdpOptions): Resolve => {
  const resolve: Resolve = async (name, type, signal) => {
    const question = formatQuestion(name, type);
    if (!question) return { kind: "servfail", reason: "it is not a name that the DNS can hold" };
    let failure: Failure = { kind: "servfail", reason: "no resolver is set" };
    for (const server of servers) {
      const deadline = AbortSignal.timeout(timeoutMs);
      const query: Query = {
        bytes: formatQuery(question),
        server,
        host: isIP(server.address) === 6 ? `[${server.address}]:${server.port}` : `${server.address}:${server.port}`,
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      };
      const byUdp = await askUdp(query, Math.ceil(timeoutMs / SENDINGS));
      const reply = byUdp.kind === "try-tcp" ? await askTcp(query) : byUdp;
      const answer = reply.kind === "bytes" ? readReply(reply.bytes, name, type, query.host) : reply;
      if (!("reason" in answer)) return answer;
      failure = answer;
    }
    return failure;
  };
  return resolve;
};

/** The question under an id that nobody can guess (RFC 5452 §9.2). */
const formatQuery = (question: Uint8Array): Uint8Array => {
  const bytes = Uint8Array.from(question);
  crypto.getRandomValues(bytes.subarray(0, 2));
  return bytes;
};

const flagsOf = (message: Uint8Array): number => ((message[2] ?? 0) << 8) | (message[3] ?? 0);

const questionOf = (message: Uint8Array, octets: number): string =>
  String.fromCharCode(...message.subarray(HEADER_OCTETS, octets)).toLowerCase();

/** Whether it is the response to that question, id and all (RFC 5452 §9.1); who sent it is for the socket to see. */
const isReplyTo = (query: Uint8Array, bytes: Uint8Array): boolean => {
  const octets = query.length - OPT_OCTETS;
  if (bytes[0] !== query[0] || bytes[1] !== query[1]) return false;
  if ((flagsOf(bytes) & RESPONSE) === 0 || bytes[4] !== 0 || bytes[5] !== 1) return false;
  return questionOf(bytes, octets) === questionOf(query, octets);
};

const readReply = <T extends RecordType>(bytes: Uint8Array, name: string, type: T, host: string): Answer<T> => {
  const message = Uint8Array.from(bytes);
  // `readAnswer` knows the id 0 only; ours was checked.
  message.fill(0, 0, 2);
  const answer = readAnswer(message, name, type, host);
  if (answer.kind !== "nodata" || (flagsOf(bytes) & RECURSION_AVAILABLE) !== 0) return answer;
  // RFC 1034 §4.3.1: a server that does not recurse tells whom to ask instead, or ends at a CNAME that leads out of
  // its zone. That is not the word that nothing is there.
  const hasAnswers = bytes[6] !== 0 || bytes[7] !== 0;
  if ((flagsOf(bytes) & AUTHORITATIVE) !== 0 && !hasAnswers) return answer;
  return { kind: "servfail", reason: `${host} does not look up names that others hold` };
};

/** One exchange: its first end counts, or the signal's; then `open`'s result closes what it opened. */
const exchange = <R>(
  { host, signal }: Query,
  open: (end: (reply: R | Failure) => void) => () => void,
): Promise<R | Failure> =>
  new Promise((resolve) => {
    const expire = (): void => end({ kind: "timeout", reason: `${host} did not answer in time` });
    let isOpen = true;
    let close = (): void => {};
    const end = (reply: R | Failure): void => {
      if (!isOpen) return;
      isOpen = false;
      signal.removeEventListener("abort", expire);
      close();
      resolve(reply);
    };
    if (signal.aborted) return expire();
    signal.addEventListener("abort", expire);
    close = open(end);
  });

const notAsked = (host: string, error: Error): Failure => ({
  kind: "servfail",
  reason: `${host} could not be asked (${error.message})`,
});

const askUdp = (query: Query, resendMs: number): Promise<Reply | { kind: "try-tcp" }> =>
  exchange(query, (end) => {
    const { server, host, bytes } = query;
    const isIp6 = isIP(server.address) === 6;
    const remote = new SocketAddress({ address: server.address, port: server.port, family: isIp6 ? "ipv6" : "ipv4" });
    // A socket for each question: the system gives each a port that nobody can know.
    const socket = createSocket(isIp6 ? "udp6" : "udp4");
    let resend: ReturnType<typeof setInterval> | undefined;
    let strangers = 0;
    socket.on("error", (error) => end(notAsked(host, error)));
    socket.on("message", (message, from) => {
      // A connected socket gives only what its peer sent; Deno's gives everything.
      const isServer = from.port === remote.port && from.address === remote.address;
      if (!isServer || !isReplyTo(bytes, message)) {
        strangers++;
        if (strangers > MOST_STRANGERS) end({ kind: "try-tcp" });
      } else if ((flagsOf(message) & TRUNCATED) !== 0) end({ kind: "try-tcp" });
      else end({ kind: "bytes", bytes: message });
    });
    socket.once("connect", () => {
      socket.send(bytes);
      resend = setInterval(() => socket.send(bytes), resendMs);
    });
    socket.connect(server.port, server.address);
    return () => {
      clearInterval(resend);
      socket.close();
    };
  });

const askTcp = (query: Query): Promise<Reply> =>
  exchange(query, (end) => {
    const { server, host, bytes } = query;
    const socket = connect({ host: server.address, port: server.port });
    const input = new Uint8Array(2 + LARGEST_ANSWER_OCTETS);
    let sizeOctets = 0;
    socket.on("error", (error) => end(notAsked(host, error)));
    socket.on("close", () => end({ kind: "servfail", reason: `${host} closed the connection` }));
    socket.on("connect", () => socket.write(Uint8Array.from([bytes.length >> 8, bytes.length & 0xff, ...bytes])));
    socket.on("data", (chunk: Uint8Array) => {
      const taken = chunk.subarray(0, input.length - sizeOctets);
      input.set(taken, sizeOctets);
      sizeOctets += taken.length;
      const endOctets = 2 + (((input[0] ?? 0) << 8) | (input[1] ?? 0));
      if (sizeOctets < endOctets) return;
      const message = input.subarray(2, endOctets);
      if (isReplyTo(bytes, message)) end({ kind: "bytes", bytes: message });
      else end({ kind: "servfail", reason: `${host} answered another question` });
    });
    return () => socket.destroy();
  });
