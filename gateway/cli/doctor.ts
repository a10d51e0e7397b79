/**
 * `hikyaku doctor`: is this machine fit to run the service? Each check says what it saw and what to do.
 *
 * What could not be found out is `unknown`, never `fail`: a machine without a network is not a broken one.
 */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { connect } from "node:net";
import { z } from "zod";
import { worstFirst } from "#dns/finding.ts";
import { dataPaths, readText, whoHolds } from "../selfhost/data-directory.ts";
import { findPort } from "../selfhost/listen-port.ts";
import { callApi } from "./api-client.ts";
import { type ApiOptions, dataDirectory, gatewayUrl } from "./credentials.ts";
import { lookAtRelays, relaysOf } from "./dns-relays.ts";
import { publicUrlTrouble } from "./public-url.ts";
import { resolverTrouble } from "./doctor-resolvers.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

export type DoctorOptions = ApiOptions & { json?: boolean; smtpProbe?: string };

type Status = "ok" | "warn" | "fail" | "unknown";
type Finding = { check: string; status: Status; text: string };

const PROBE_DOMAIN = "gmail.com";
const TIMEOUT_MS = 5000;
/** DKIM, TLS and webhook signatures all carry times. */
const CLOCK_LIMIT_MS = 60_000;
const NODE_MAJOR = 22;
const LOCAL_HOSTS = ["127.0.0.1", "localhost", "[::1]"];

/** What only a gateway of ours says of itself. */
const Health = z.object({ status: z.enum(["ok", "unavailable"]), relays: z.int(), reason: z.string().optional() });

export const doctor = async (options: DoctorOptions, around: Surroundings): Promise<Exit> => {
  const findings = [
    nodeVersion(),
    dataDirectoryFinding(options, around),
    adminTokenFinding(options, around),
    publicUrlFinding(around),
    ...postmasterFinding(around),
    ...(await gatewayFindings(options, around)),
    ...(await networkFindings(options, around)),
    ...(await resolverFindings(around)),
    ...(await relayFindings(around)),
  ];
  if (options.json) around.out(JSON.stringify({ object: "doctor", findings }));
  else for (const { check, status, text } of findings) around.out(`${status.padEnd(8)}${check.padEnd(16)}${text}`);
  if (findings.some(({ status }) => status === "fail")) return EXIT.no;
  return findings.some(({ status }) => status === "unknown") ? EXIT.unknown : EXIT.done;
};

const nodeVersion = (): Finding => {
  const fit = Number(process.versions.node.split(".")[0]) >= NODE_MAJOR;
  const text = fit
    ? `version ${process.versions.node}`
    : `version ${process.versions.node} is too old: run it through npm, which uses the Node of this project`;
  return { check: "node", status: fit ? "ok" : "fail", text };
};

const dataDirectoryFinding = (options: DoctorOptions, around: Surroundings): Finding => {
  const folder = dataDirectory(options, around);
  const check = "data directory";
  if (!existsSync(folder)) return { check, status: "ok", text: `${folder} is not there yet: \`npm start\` makes it` };
  if (!statSync(folder).isDirectory())
    return { check, status: "fail", text: `${folder} is not a directory: give another with --data` };
  try {
    accessSync(folder, constants.R_OK | constants.W_OK);
  } catch {
    return {
      check,
      status: "fail",
      text: `${folder} cannot be written by this user: change its owner, or give another with --data`,
    };
  }
  const holder = whoHolds(folder);
  const held = holder.kind === "taken" ? `in use by process ${holder.pid ?? "unknown"}` : "free";
  return { check, status: "ok", text: `${folder} is writable and ${held}` };
};

const adminTokenFinding = (options: DoctorOptions, around: Surroundings): Finding => {
  const check = "admin token";
  if (around.env["HIKYAKU_ADMIN_TOKEN"]) return { check, status: "ok", text: "is in HIKYAKU_ADMIN_TOKEN" };
  const path = dataPaths(dataDirectory(options, around)).adminToken;
  try {
    if (readText(path) !== undefined) return { check, status: "ok", text: `is in ${path}` };
  } catch {
    return { check, status: "fail", text: `${path} cannot be read by this user: run as its owner` };
  }
  return { check, status: "warn", text: `${path} is not there yet: the first \`npm start\` makes it` };
};

const publicUrlFinding = ({ env }: Surroundings): Finding => {
  const url = env["HIKYAKU_PUBLIC_URL"];
  const trouble = publicUrlTrouble(url);
  return {
    check: "public URL",
    status: trouble === undefined ? "ok" : "warn",
    text: trouble ?? `links lead to ${url}`,
  };
};

/** Of a relay that takes mail in. */
const postmasterFinding = ({ env }: Surroundings): Finding[] => {
  if ((env["HIKYAKU_INBOUND"] || "off") === "off") return [];
  const check = "postmaster";
  const postmaster = env["HIKYAKU_POSTMASTER"];
  if (postmaster) return [{ check, status: "ok", text: `mail to the operator goes to ${postmaster}` }];
  const text =
    "letters to postmaster@ and abuse@ of the bounce domain are refused (RFC 5321 §4.5.1 asks for somebody who reads them): set HIKYAKU_POSTMASTER to an address elsewhere";
  return [{ check, status: "warn", text }];
};

const gatewayFindings = async (options: DoctorOptions, around: Surroundings): Promise<Finding[]> => {
  const url = gatewayUrl(options, around);
  const askedAtMs = Date.now();
  const health = await callApi({ url, token: undefined }, "GET", "/healthz", undefined, TIMEOUT_MS);
  if (health.kind === "unreachable") return [await silenceFinding(url, health.reason)];
  const state = Health.safeParse(health.body);
  if (!state.success) {
    const text = `${url} is answered by another program: choose another port with --port`;
    return [{ check: "gateway", status: "fail", text }];
  }
  const clock = clockFinding(health.headers, askedAtMs);
  const { relays, reason } = state.data;
  if (health.kind === "ok")
    return [{ check: "gateway", status: "ok", text: `answers at ${url}, relays: ${relays}` }, clock];
  return [{ check: "gateway", status: "warn", text: `answers at ${url}, but: ${reason ?? "it is not well"}` }, clock];
};

/** Nothing answers: on this machine the port is free or somebody else's, elsewhere nothing is known. */
const silenceFinding = async (url: string, reason: string): Promise<Finding> => {
  const { hostname, port } = new URL(url);
  if (!LOCAL_HOSTS.includes(hostname))
    return { check: "gateway", status: "unknown", text: `${url} does not answer: ${reason}` };
  const found = await findPort(hostname.replace(/^\[(.*)\]$/, "$1"), Number(port || 80));
  const where = `port ${port || 80}`;
  if (found.kind === "free") return { check: "gateway", status: "ok", text: `does not run here; ${where} is free` };
  const text = `${where} is taken by something that is no gateway (${found.reason}): choose another with --port`;
  return { check: "gateway", status: "fail", text };
};

/** Plain workerd sends no Date: then there is nothing to compare with. */
const clockFinding = (headers: Headers, askedAtMs: number): Finding => {
  const check = "clock";
  const theirs = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(theirs)) {
    const text = `shows ${new Date(askedAtMs).toISOString()}; the gateway tells no time to compare it with`;
    return { check, status: "ok", text };
  }
  const skewMs = Math.abs(theirs - askedAtMs);
  if (skewMs <= CLOCK_LIMIT_MS) return { check, status: "ok", text: "agrees with the gateway's" };
  const text = `differs from the gateway's by ${Math.round(skewMs / 1000)} s: set both by NTP`;
  return { check, status: "fail", text };
};

const networkFindings = async (options: DoctorOptions, around: Surroundings): Promise<Finding[]> => {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  const servers = around.env["HIKYAKU_DNS"];
  try {
    if (servers) resolver.setServers(servers.split(",").map((server) => server.trim()));
  } catch {
    throw new WrongUse(`HIKYAKU_DNS is not a list of ip:port: "${servers}"`);
  }
  const mx = await resolver.resolveMx(PROBE_DOMAIN).then(
    (records) => records.toSorted((a, b) => a.priority - b.priority)[0]?.exchange,
    () => undefined,
  );
  const dns: Finding =
    mx === undefined
      ? {
          check: "DNS",
          status: "unknown",
          text: `no answer for the MX of ${PROBE_DOMAIN}: is there a network? HIKYAKU_DNS names other servers`,
        }
      : { check: "DNS", status: "ok", text: `the MX of ${PROBE_DOMAIN} is ${mx}` };
  const probe = parseProbe(options.smtpProbe) ?? (mx === undefined ? undefined : { host: mx, port: 25 });
  return [dns, await smtpFinding(probe)];
};

/** On a machine whose gateway is told whom to ask. */
const resolverFindings = async ({ env }: Surroundings): Promise<Finding[]> => {
  const urls = (env["HIKYAKU_DOH_URL"] ?? "").split(",").flatMap((url) => url.trim() || []);
  if (urls.length === 0) return [];
  const trouble = await resolverTrouble(urls, PROBE_DOMAIN);
  return [{ check: "resolvers", status: "ok", text: `all answer: ${urls.join(", ")}`, ...trouble }];
};

const STATUS_OF = { pass: "ok", warn: "warn", fail: "fail", indeterminate: "unknown", not_applicable: "warn" } as const;

/** What `hikyaku dns relays` says beside that all is well, on a machine whose relays are told where to send from. */
const relayFindings = async (around: Surroundings): Promise<Finding[]> => {
  const told = relaysOf({}, around);
  if (told.sources.length === 0) return [];
  const check = "relay DNS";
  const { report } = await lookAtRelays(told, {}, around);
  const found: Finding[] = worstFirst(report.findings)
    .filter(({ status }) => status !== "pass")
    .map(({ status, text }) => ({ check, status: STATUS_OF[status], text }));
  const addresses = told.sources.map(({ address }) => address).join(", ");
  return found.length > 0
    ? found
    : [{ check, status: "ok", text: `names, SPF, bounces and block lists: ${addresses}` }];
};

const parseProbe = (text: string | undefined): { host: string; port: number } | undefined => {
  if (text === undefined) return undefined;
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || port === undefined) throw new WrongUse("--smtp-probe takes host:port");
  return { host, port: Number(port) };
};

const smtpFinding = async (probe: { host: string; port: number } | undefined): Promise<Finding> => {
  const check = "outbound SMTP";
  if (!probe)
    return {
      check,
      status: "unknown",
      text: "not tried, since DNS gave no host to try; name one with --smtp-probe host:port",
    };
  const where = `${probe.host}:${probe.port}`;
  const greeting = await greetingOf(probe);
  if (greeting?.startsWith("220")) return { check, status: "ok", text: `${where} greets` };
  if (greeting !== undefined) return { check, status: "warn", text: `${where} answers, but not with 220: ${greeting}` };
  return {
    check,
    status: "unknown",
    text: `${where} does not answer: many networks block port 25; ask the provider to open it, or send through a smart host (HIKYAKU_ROUTES)`,
  };
};

const greetingOf = ({ host, port }: { host: string; port: number }): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    const end = (line: string | undefined): void => {
      socket.destroy();
      resolve(line);
    };
    socket.once("data", (chunk: Buffer) => end(chunk.toString("latin1").trim().slice(0, 200)));
    socket
      .once("timeout", () => end(undefined))
      .once("error", () => end(undefined))
      .once("close", () => end(undefined));
  });
