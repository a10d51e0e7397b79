/**
 * The MX record by which a domain's mail comes to us: asked for while receiving is on, judged by a look-up of its own.
 *
 * It stands at the domain itself, so it takes the domain's mail from whoever had it: no other part of a domain depends
 * on it, and it is not among what a domain needs for sending.
 */
import type { DomainFinding, DomainRecord } from "#contract/domain.ts";
import type { Finding } from "#dns/finding.ts";
import type { Answer } from "#dns/resolver.ts";

/** `@`: the domain itself, as zone files have it. */
const AT_DOMAIN = "@";
const PRIORITY = 10;
const RFC = "RFC 5321 §5.1";

export const receivingRecord = (host: string): DomainRecord => ({
  ...{ record: "Receiving", name: AT_DOMAIN, type: "MX", value: host },
  ...{ ttl: "Auto", status: "not_started", priority: PRIORITY },
});

/** Another account had the domain before and receives for it. */
export const receivedElsewhere = (domain: string): DomainFinding => ({
  ...{ code: "receiving.elsewhere", status: "fail", name: domain, rfc: "RFC 5321 §2.3.11" },
  text: `Another account receives the mail of ${domain}: none of it comes to this one until receiving is off there.`,
});

/** What the domain's MX records say of it. */
export const receivingFinding = (domain: string, host: string, answer: Answer<"MX">): Finding => {
  const say = (code: `receiving.${"missing" | "mx"}`, status: Finding["status"], text: string): Finding => ({
    ...{ code, status, name: domain, text, evidence: [], rfc: RFC },
    ...(status === "fail" && { fix: `${PRIORITY} ${host}` }),
  });
  if ("reason" in answer)
    return say("receiving.mx", "indeterminate", `The MX records of ${domain} could not be looked up.`);
  if (answer.kind !== "records" || answer.records.length === 0)
    return say("receiving.missing", "fail", `${domain} has no MX record, so its mail does not come here.`);
  const [best = Infinity] = answer.records.map(({ preference }) => preference).toSorted((a, b) => a - b);
  const ours = answer.records.find(({ exchange }) => exchange.toLowerCase() === host.toLowerCase());
  if (ours?.preference === best) return say("receiving.mx", "pass", `Mail to ${domain} comes here.`);
  return say("receiving.mx", "fail", `Mail to ${domain} goes to another host first. Make ${host} its first MX.`);
};
