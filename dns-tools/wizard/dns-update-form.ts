/**
 * What was typed for DNS UPDATE (RFC 2136), read and sent; on Node only, for who runs the wizard on their own machine.
 *
 * The server is whichever was typed: who may type is whoever may open connections from here. The secret is in nothing
 * that is returned.
 */
import { parseDomain } from "#dns/domain.ts";
import { publish } from "#resolvers/dns-update.ts";
import { parseTsigAlgorithm, TSIG_ALGORITHMS } from "#resolvers/tsig.ts";
import { parseDnsServer } from "#resolvers/udp.ts";
import type { Change } from "#dns/zone.ts";
import type { Outcome } from "./publish-page.ts";
import type { TypedUpdate } from "./publish-routes.ts";

const TIMEOUT_MS = 10_000;

export const publishByUpdate = async (
  changes: readonly Change[],
  { server: typedServer, zone: typedZone, keyName, algorithm: typedAlgorithm, secret }: TypedUpdate,
  nowSeconds: number,
): Promise<Outcome> => {
  const server = parseDnsServer(typedServer);
  if (!server) return invalid("The server is an IP address, like 192.0.2.53 or 192.0.2.53:5353.");
  const zone = parseDomain(typedZone);
  if (zone.kind === "invalid") return invalid("The zone is a domain name, like example.com.");
  // Who posts without the field knew of no other.
  const algorithm = parseTsigAlgorithm(typedAlgorithm || "hmac-sha256");
  if (!algorithm) return invalid(`The algorithm of the key is one of ${TSIG_ALGORITHMS.join(", ")}.`);
  const key = { name: keyName.replace(/\.$/, ""), algorithm, secretBase64: secret };
  const result = await publish(changes, { zone: zone.domain, server, key, nowSeconds, timeoutMs: TIMEOUT_MS });
  if (result.kind === "done") return { kind: "done", text: `${typedServer} has it in the zone ${zone.domain}.` };
  return { kind: result.kind, text: `${result.reason}.` };
};

const invalid = (text: string): Outcome => ({ kind: "invalid", text });
