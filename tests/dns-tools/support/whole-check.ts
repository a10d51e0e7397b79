/**
 * The whole check of a domain that has everything, and of a relay, over a zone that is changed a little.
 *
 * `undefined` takes a name out of the zone. Look-ups may fail beside what the zone says, and an MTA-STS policy is served.
 */
import { align } from "#dns/align.ts";
import { alignFindings } from "#dns/align-findings.ts";
import { checkDomain } from "#dns/check.ts";
import type { SendingDomain } from "#dns/sending-domain.ts";
import type { DkimKey } from "#dns/dkim-record.ts";
import { BLOCKLISTS } from "#dns/dnsbl.ts";
import type { Finding } from "#dns/finding.ts";
import type { FetchedPolicy } from "#dns/mta-sts-findings.ts";
import { lookAtPolicy, NO_HISTORY, sinceBefore } from "#dns/mta-sts-history.ts";
import { formatMtaStsPolicy } from "#dns/mta-sts.ts";
import { checkRelays, parseRelaySource } from "#dns/relay-check.ts";
import type { RecordType, Resolve } from "#dns/resolver.ts";
import { boundedRun } from "#resolvers/bounded.ts";
import { recordedResolver, type RecordedName, type RecordedTxt, type RecordedZone } from "#resolvers/recorded.ts";
import * as keys from "./public-keys.ts";
import { SOME_SUFFIXES } from "./some-suffixes.ts";

export type ZoneChange = Readonly<Record<string, RecordedName | undefined>>;

export type Served = { text?: string; contentType?: string; fails?: true };
export type Failure = { name: string; type: RecordType; reason: string };
export type Row = {
  /** `status name`; the code is the row's. */
  gives: string;
  zone: ZoneChange;
  near: ZoneChange;
  check?: "relays" | "message";
  sending?: Partial<SendingDomain>;
  nearSending?: Partial<SendingDomain>;
  /** Of the MTA-STS policy that is served. */
  policy?: Served;
  nearPolicy?: Served;
  /** What was seen once before, of the MTA-STS policy. */
  before?: { zone: ZoneChange; policy: Served };
  /** Of one look-up, over what the zone says. */
  fails?: Failure;
  nearFails?: Failure;
  /** A CNAME that the resolver tells beside other records. */
  alias?: string;
};

const key = (publicKeyBase64: string): DkimKey => ({ algorithm: "rsa-sha256", publicKeyBase64 });
const SENDING: SendingDomain = {
  domain: "d.test",
  returnPath: "send.d.test",
  selectors: [{ selector: "s1", key: key(keys.RSA_2048) }],
  includes: ["spf.relay.test"],
  addresses: [],
  bounceHost: "bounce.relay.test",
};

export const mx = (exchange: string) => ({ MX: [{ preference: 10, exchange }] }) as const;
export const txt = (...TXT: RecordedTxt[]): RecordedName => ({ TXT });
export const a = (...A: string[]): RecordedName => ({ A });
export const KEY = `v=DKIM1; k=rsa; p=${keys.RSA_2048}`;
export const OTHER_KEY = `v=DKIM1; k=rsa; p=${keys.OTHER_RSA_2048}`;
export const S1 = "s1._domainkey.d.test";
export const RUA = "rua=mailto:dmarc@d.test";
export const REVERSE = "10.2.0.192.in-addr.arpa";

export const GOOD_APEX = {
  MX: [{ preference: 10, exchange: "mail.d.test" }],
  A: ["192.0.2.1"],
  authenticated: true,
} as const;
export const GOOD: RecordedZone = {
  "d.test": GOOD_APEX,
  "mail.d.test": a("192.0.2.2"),
  "send.d.test": {
    MX: [{ preference: 10, exchange: "bounce.relay.test" }],
    TXT: ["v=spf1 include:spf.relay.test ~all"],
  },
  "bounce.relay.test": { MX: [{ preference: 10, exchange: "in.relay.test" }], A: ["192.0.2.3"] },
  "in.relay.test": a("192.0.2.4"),
  "spf.relay.test": txt("v=spf1 ip4:192.0.2.0/24 ~all"),
  "other.test": txt("v=spf1 ip4:203.0.113.0/24 ~all"),
  [S1]: txt(KEY),
  "_dmarc.d.test": txt(`v=DMARC1; p=reject; ${RUA}`),
  com: {
    SOA: [{ mname: "a.test", rname: "b.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 }],
    authenticated: true,
  },
  [REVERSE]: { PTR: ["mx1.relay.test"] },
  "mx1.relay.test": a("192.0.2.10"),
  ...Object.fromEntries(BLOCKLISTS.map(({ zone }) => [`2.0.0.127.${zone}`, a("127.0.0.2")])),
};

export const zoneWith = (change: ZoneChange): RecordedZone => {
  const zone: Record<string, RecordedName> = {};
  for (const [name, entry] of Object.entries<RecordedName | undefined>({ ...GOOD, ...change }))
    if (entry !== undefined) zone[name] = entry;
  return zone;
};

const resolverOf = (zone: RecordedZone, { alias }: Row, fails: Failure | undefined): Resolve => {
  const recorded = recordedResolver(zone);
  const aliases = recordedResolver({ "*": { CNAME: ["v.test"] } });
  return async (name, type, signal) => {
    if (fails?.name === name && fails.type === type) return { kind: "servfail", reason: fails.reason };
    return (alias === name && type === "CNAME" ? aliases : recorded)(name, type, signal);
  };
};

/** All findings of a row's check over a zone; `isNear`: with what differs in the near miss. */
export const findingsOver = async (row: Row, zone: RecordedZone, isNear = false): Promise<Finding[]> => {
  const { resolve } = boundedRun(resolverOf(zone, row, isNear ? row.nearFails : row.fails));
  const source = parseRelaySource("192.0.2.10=mx1.relay.test");
  if (!source) throw new Error("no source");
  if (row.check === "relays") return (await checkRelays({ sources: [source] }, { resolve, own: resolve })).findings;
  if (row.check === "message") return messageFindings(row, resolve, isNear);
  const sending = { ...SENDING, ...(isNear ? (row.nearSending ?? row.sending) : row.sending) };
  const served = servedBy((isNear ? row.nearPolicy : row.policy) ?? {});
  const report = await checkDomain(sending, SOME_SUFFIXES, resolve, undefined, async () => served);
  if (!row.before) return report.findings;
  const beforeLook = await lookAtPolicy(
    "d.test",
    servedBy(row.before.policy),
    recordedResolver(zoneWith(row.before.zone)),
  );
  const { history } = await sinceBefore(NO_HISTORY, report, beforeLook);
  return (await sinceBefore(history, report, await lookAtPolicy("d.test", served, resolve))).report.findings;
};

const servedBy = ({ text = POLICY, contentType = "text/plain", fails }: Served): FetchedPolicy =>
  fails ? { kind: "not-served", reason: "HTTP status 404" } : { kind: "text", contentType, text };

/** Of a message that is signed by nobody, or by somebody else; in the near miss by its domain. */
const messageFindings = async (row: Row, resolve: Resolve, isNear: boolean): Promise<Finding[]> => {
  const message = isNear
    ? { from: "d.test", spf: "send.d.test", dkim: ["d.test"] }
    : row.gives.startsWith("fail")
      ? { from: "d.test", dkim: ["esp.example"] }
      : { from: "d.test", spf: "send.d.test", dkim: [] };
  return alignFindings(message, await align(message, SOME_SUFFIXES, resolve));
};

export const policy = (mode: "enforce" | "testing", maxAgeSeconds: number, ...hosts: string[]): string =>
  formatMtaStsPolicy({ mode, mx: hosts, maxAgeSeconds });
const POLICY = policy("enforce", 604_800, "mail.d.test");
