/**
 * `hikyaku dns publish`: a plan carried out on the zone's primary server by DNS UPDATE, signed with a TSIG key.
 *
 * The plan is made from that very server, not from caches, and shown; only `--yes` carries it out. It is done whole or
 * not at all, and refused when something in it is in conflict, or the zone is no longer what the plan saw.
 */
import { plan as planOf } from "#dns/plan.ts";
import { isEdit } from "#dns/zone.ts";
import { boundedRun } from "#resolvers/bounded.ts";
import { publish as publishBy } from "#resolvers/dns-update.ts";
import { parseTsigAlgorithm, TSIG_ALGORITHMS, type TsigKey } from "#resolvers/tsig.ts";
import { parseDnsServer, udpResolver } from "#resolvers/udp.ts";
import { domainArgument, sendingDomain } from "./dns-options.ts";
import { describe, type PlanOptions, requirementOf } from "./dns-plan.ts";
import { EXIT, type Exit, readGiven, type Surroundings, WrongUse } from "./surroundings.ts";

export type PublishOptions = PlanOptions & { server: string; keyFile: string; zone?: string; yes?: boolean };

const TIMEOUT_MS = 10_000;

export const publish = async (typed: string, options: PublishOptions, around: Surroundings): Promise<Exit> => {
  const sending = sendingDomain(typed, options, around);
  const requirement = requirementOf(sending, options);
  const server = parseDnsServer(options.server);
  if (!server) throw new WrongUse(`--server ${options.server} is not ip, ip:port or [ip6]:port`);
  const key = readKeyFile(options.keyFile, around);
  const { resolve } = boundedRun(udpResolver({ servers: [server], timeoutMs: TIMEOUT_MS / 2 }));
  const changes = await planOf(requirement, resolve, AbortSignal.timeout(TIMEOUT_MS));
  around.out(describe(changes, sending.domain));
  const unknown = changes.some(({ kind }) => kind === "unknown");
  if (unknown) around.err("hikyaku: the server does not say what stands at every name, so nothing was published");
  if (unknown) return EXIT.unknown;
  if (changes.some(({ kind }) => kind === "conflict")) {
    around.err("hikyaku: what is needed is in conflict with what stands, so nothing was published");
    return EXIT.no;
  }
  if (!changes.some(isEdit)) return EXIT.done;
  if (options.yes !== true) {
    around.err("hikyaku: nothing was published yet: --yes publishes this");
    return EXIT.no;
  }
  const zone = options.zone === undefined ? sending.domain : domainArgument(options.zone, "zone");
  const nowSeconds = Math.floor(Date.now() / 1000);
  const done = await publishBy(changes, { zone, server, key, nowSeconds, timeoutMs: TIMEOUT_MS });
  if (done.kind === "done") {
    around.err("hikyaku: published");
    return EXIT.done;
  }
  around.err(`hikyaku: ${done.reason}`);
  return done.kind === "refused" ? EXIT.no : EXIT.unknown;
};

/** As `tsig-keygen` writes it. A secret is not for the command line, where others see it. */
const readKeyFile = (path: string, around: Surroundings): TsigKey => {
  const text = readGiven(path, around);
  const [, name] = /\bkey\s+"?([^\s"{]+)"?\s*\{/.exec(text) ?? [];
  const [, typed = ""] = /\balgorithm\s+"?([\w-]+)\.?"?\s*;/.exec(text) ?? [];
  const [, secretBase64] = /\bsecret\s+"?([A-Za-z0-9+/=]+)"?\s*;/.exec(text) ?? [];
  if (name === undefined || secretBase64 === undefined)
    throw new WrongUse(
      `${path} is no key as tsig-keygen writes it: key "name" { algorithm hmac-sha256; secret "…"; };`,
    );
  const algorithm = parseTsigAlgorithm(typed);
  if (!algorithm) throw new WrongUse(`${path}: the algorithm has to be one of ${TSIG_ALGORITHMS.join(", ")}`);
  return { name: name.replace(/\.$/, ""), algorithm, secretBase64 };
};
