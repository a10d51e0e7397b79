/**
 * What is wrong with the MTA-STS of a domain, as senders find it: its record, its policy host, the policy there.
 *
 * The policy is fetched by whom it is given to; without one, it is not judged. Nobody requires MTA-STS: without a record
 * there is nothing to say, and what keeps senders from using the policy is a warning. That an `id` was changed with the
 * policy cannot be seen in one look: mta-sts-history.ts.
 */
import { lookUpBonus, unusableBonus, type BonusKind } from "./bonus-record.ts";
import type { Finding } from "./finding.ts";
import { evidenceOf, notFoundOut, shown } from "./look-up-findings.ts";
import { policyFindings, policyUrl } from "./mta-sts-policy-findings.ts";
import { MTA_STS_VERSION, mtaStsRecord, parseMtaStsPolicy, parseMtaStsRecord, policyId } from "./mta-sts.ts";
import type { Resolve } from "./resolver.ts";
import { hasVersion } from "./versioned-fields.ts";
import { PROBE_LABEL } from "./wildcard.ts";

/** `reason`: a clause. */
export type FetchedPolicy =
  | { kind: "text"; contentType: string; text: string }
  /** The host answered, with something that senders take for no policy (RFC 8461 §3.3). */
  | { kind: "not-served"; reason: string }
  /** What it serves is not known. */
  | { kind: "failed"; reason: string };

/** Gets `https://<host>/.well-known/mta-sts.txt`, as much as a policy may have. Never rejects. */
export type FetchPolicy = (host: string, signal?: AbortSignal) => Promise<FetchedPolicy>;

/** The record at `_mta-sts.<domain>`. */
export const MTA_STS_KIND: BonusKind = {
  what: "MTA-STS",
  start: `v=${MTA_STS_VERSION};`,
  counts: (text) => hasVersion(text, MTA_STS_VERSION),
  resembles: /^\W*v\s*=\s*(?:mta-?)?sts/i,
  effect: "senders act as if there were no policy",
  codes: { multiple: "mta-sts.multiple", syntax: "mta-sts.syntax" },
  rfc: "RFC 8461 §3.1",
};

/** `mta-sts.missing` with the status `pass` when all is right. */
export const mtaStsFindings = async (
  domain: string,
  resolve: Resolve,
  fetchPolicy?: FetchPolicy,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const name = `_mta-sts.${domain}`;
  const [found, host, mx] = await Promise.all([
    lookUpBonus(name, MTA_STS_KIND, resolve, signal),
    lookUpPolicyHost(domain, resolve, signal),
    resolve(domain, "MX", signal),
  ]);
  if (found.kind === "fault") return [found.finding];
  if (found.kind === "none")
    return fetchPolicy && host.kind === "there" ? unannounced(domain, resolve, fetchPolicy, signal) : [];
  const { text, evidence } = found;
  const record = parseMtaStsRecord(text);
  if (record.kind === "malformed") return [unusableBonus(name, MTA_STS_KIND, { reason: record.reason, evidence })];
  if (host.kind === "fault") return [host.finding];
  if (!fetchPolicy) {
    const pass = `${name} announces an MTA-STS policy for ${domain}; the policy itself was not read.`;
    return [{ code: "mta-sts.missing", status: "pass", name, text: pass, evidence, rfc: MTA_STS_KIND.rfc }];
  }
  const fetched = await fetchPolicy(policyHost(domain), signal);
  if (fetched.kind !== "text") return [notFetched(domain, fetched)];
  const { contentType } = fetched;
  // RFC 8461 §3.3: other types are refused, for they are what strangers could make a web server say.
  if (!/^text\/plain[ \t]*(?:;|$)/i.test(contentType)) return [notText(domain, contentType)];
  const hosts = mx.kind === "records" ? mx.records.map(({ exchange }) => exchange) : [];
  return policyFindings({ domain, text: fetched.text, mxHosts: hosts });
};

const policyHost = (domain: string): string => `mta-sts.${domain}`;

type PolicyHost = { kind: "there" } | { kind: "fault"; finding: Finding };

const lookUpPolicyHost = async (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<PolicyHost> => {
  const name = policyHost(domain);
  const [v4, v6] = await Promise.all([resolve(name, "A", signal), resolve(name, "AAAA", signal)]);
  if (v4.kind === "records" || v6.kind === "records") return { kind: "there" };
  if ("reason" in v4) return { kind: "fault", finding: notFoundOut(name, "A", v4) };
  if ("reason" in v6) return { kind: "fault", finding: notFoundOut(name, "AAAA", v6) };
  const text = `_mta-sts.${domain} announces a policy, but ${name}, which is to serve it, has no address: senders act as if there were no policy. Publish the address of the server that has it, or delete the record.`;
  const evidence = [...evidenceOf(name, "A", v4), ...evidenceOf(name, "AAAA", v6)];
  return {
    kind: "fault",
    finding: { code: "mta-sts.host", status: "warn", name, text, evidence, rfc: "RFC 8461 §3.3" },
  };
};

/** A policy is served, but no record says so. A host that only a wildcard makes is nobody's policy host. */
const unannounced = async (
  domain: string,
  resolve: Resolve,
  fetchPolicy: FetchPolicy,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const probe = await resolve(`${PROBE_LABEL}.${domain}`, "A", signal);
  if (probe.kind === "records" || "reason" in probe) return [];
  const fetched = await fetchPolicy(policyHost(domain), signal);
  const parsed = fetched.kind === "text" ? parseMtaStsPolicy(fetched.text) : undefined;
  // RFC 8461 §8.3: who ends MTA-STS serves `none` for a while.
  if (fetched.kind !== "text" || parsed?.kind !== "policy" || parsed.policy.mode === "none") return [];
  const name = `_mta-sts.${domain}`;
  const fix = mtaStsRecord(await policyId(fetched.text));
  const text = `${policyUrl(domain)} has a policy, but ${name} has no record that announces it, so senders do not look for it. Publish \`${fix}\` there.`;
  const evidence = [`${name} has no MTA-STS record`];
  return [{ code: "mta-sts.missing", status: "warn", name, text, fix, evidence, rfc: MTA_STS_KIND.rfc }];
};

const notFetched = (domain: string, { kind, reason }: Exclude<FetchedPolicy, { kind: "text" }>): Finding => {
  const told = shown(reason);
  const text =
    kind === "failed"
      ? `The policy at ${policyUrl(domain)} could not be fetched (${told}); it may be right. Check again later.`
      : `There is no policy at ${policyUrl(domain)} (${told}), so ${MTA_STS_KIND.effect}. Serve it there with the status 200 and without a redirect, or delete the record at _mta-sts.${domain}.`;
  return {
    code: "mta-sts.fetch",
    status: kind === "failed" ? "indeterminate" : "warn",
    name: policyHost(domain),
    text,
    evidence: [`GET ${policyUrl(domain)}: ${told}`],
    rfc: "RFC 8461 §3.3",
  };
};

const notText = (domain: string, contentType: string): Finding => {
  const seen = contentType === "" ? "no content type" : `\`${shown(contentType)}\``;
  return {
    code: "mta-sts.media-type",
    status: "warn",
    name: policyHost(domain),
    text: `${policyUrl(domain)} is served as ${seen}, not as text/plain: senders may refuse it, and it may be a web page that only stands in for the policy. Serve the file itself as text/plain.`,
    evidence: [`GET ${policyUrl(domain)}: ${seen}`],
    rfc: "RFC 8461 §3.3",
  };
};
