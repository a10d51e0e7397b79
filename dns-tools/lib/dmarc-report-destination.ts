/**
 * Whether those who are to get a domain's DMARC reports have said that they want them (RFC 9990 §4).
 *
 * Within one organization nobody is asked. To others receivers send nothing, and say nothing, unless `v=DMARC1` stands
 * where they can say it for the domain; a wildcard there is as good. Whether there is a mailbox is not asked.
 */
import { walkTree, type FoundRecord, type Walk } from "./dmarc-discovery.ts";
import { parseDmarc } from "./dmarc.ts";
import type { Finding } from "./finding.ts";
import { evidenceOf, notFoundOut } from "./look-up-findings.ts";
import { txtText, type Answer, type Resolve } from "./resolver.ts";

/** More than any owner has; a record made to explode costs no more look-ups than these do. */
const MOST_DESTINATIONS = 10;
const LONGEST_NAME_OCTETS = 253;

/** Of the `rua` of a record at `_dmarc.<policyDomain>`: a finding for each destination whose reports get lost. */
export const reportDestinationFindings = async (
  policyDomain: string,
  { record: { rua } }: FoundRecord,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const destinations = new Set(rua.flatMap(({ mailDomain }) => mailDomain ?? []));
  destinations.delete(policyDomain);
  const external = [...destinations].slice(0, MOST_DESTINATIONS);
  if (external.length === 0) return [];
  const ours = walkTree(policyDomain, resolve, signal);
  const judged = external.map((destination) => judge(policyDomain, ours, destination, resolve, signal));
  return (await Promise.all(judged)).flat();
};

const judge = async (
  policyDomain: string,
  ours: Promise<Walk>,
  destination: string,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const name = `${policyDomain}._report._dmarc.${destination}`;
  const [ourWalk, theirWalk, answer] = await Promise.all([
    ours,
    walkTree(destination, resolve, signal),
    askPermission(name, resolve, signal),
  ]);
  if (grants(answer, destination)) return [];
  const { organizationalDomain } = ourWalk;
  if (organizationalDomain !== undefined && organizationalDomain === theirWalk.organizationalDomain) return [];
  if ("reason" in answer) return [notFoundOut(name, "TXT", answer)];
  for (const { name: asked, found } of [...ourWalk.steps, ...theirWalk.steps])
    if (found.kind === "unknown") return [notFoundOut(asked, "TXT", { kind: found.failure, reason: found.reason })];
  const text = `Reports for ${policyDomain} to ${destination} are dropped: ${name} must be \`v=DMARC1\`. Ask ${destination} to publish it, or send the reports to an address of your own domain.`;
  return [
    {
      code: "dmarc.rua-unauthorised",
      status: "warn",
      name,
      text,
      fix: "v=DMARC1",
      evidence: evidenceOf(name, "TXT", answer),
      rfc: "RFC 9990 §4",
    },
  ];
};

/** A name over the limits of the DNS cannot be there (RFC 9990 §4, step 4). */
const askPermission = async (name: string, resolve: Resolve, signal?: AbortSignal): Promise<Answer<"TXT">> =>
  name.length > LONGEST_NAME_OCTETS ? { kind: "nxdomain" } : resolve(name, "TXT", signal);

/** RFC 9990 §4, steps 6 to 9: one record is enough; reports may be led elsewhere, but to no other host. */
const grants = (answer: Answer<"TXT">, destination: string): boolean => {
  if (answer.kind !== "records") return false;
  const permits = answer.records.map((strings) => parseDmarc(txtText(strings))).filter(({ kind }) => kind === "record");
  return (
    permits.length > 0 &&
    permits.every(
      (permit) => permit.kind !== "record" || permit.record.rua.every(({ mailDomain }) => mailDomain === destination),
    )
  );
};
