/**
 * What tests of the UDP resolver share: a server on loopback whose behaviour is set anew for each test, and a question
 * to it.
 *
 * Called at the top of a test file, it hooks into its beginning and end.
 */
import type { Answer as WireRecord } from "dns-packet";
import { afterAll, beforeEach } from "vitest";
import { txtText, type Answer } from "#dns/resolver.ts";
import { udpResolver, type DnsServer } from "#resolvers/udp.ts";
import { PATIENCE_MS } from "../../support/patience.ts";
import { respond, silent, startScriptedDnsServer, type Asked, type ScriptedDnsServer } from "./scripted-dns-server.ts";

/** For a server that does not answer; long enough for what comes before its silence. */
export const TIMEOUT_MS = 1500;
/** Header bit: truncated. */
export const TC = 0x0200;

export type UdpScene = {
  /** Silent when a test begins. */
  server: ScriptedDnsServer;
  /** Asks for the TXT of d.test, with patience unless told. */
  ask: (servers?: DnsServer[], timeoutMs?: number) => Promise<Answer<"TXT">>;
};

export const startUdpScene = async (): Promise<UdpScene> => {
  const server = await startScriptedDnsServer();
  afterAll(() => server.close());
  beforeEach(() => {
    server.script = silent;
    server.questions = [];
    server.tcpQuestions = [];
  });
  return {
    server,
    ask: (servers = [server], timeoutMs = PATIENCE_MS) => udpResolver({ servers, timeoutMs })("d.test", "TXT"),
  };
};

export const txt = (text: string | string[]): WireRecord => ({ type: "TXT", name: "d.test", ttl: 300, data: text });
export const GOOD = [txt("good")];
export const good = (asked: Asked): void => asked.send(respond(asked, GOOD));
export const truncated = (asked: Asked): void => asked.send(respond(asked, [], { flags: 0x0180 | TC }));

export const texts = (answer: Answer<"TXT">): string[] =>
  answer.kind === "records" ? answer.records.map(txtText) : [answer.kind];
