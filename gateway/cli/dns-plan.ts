/**
 * `hikyaku dns plan`: the smallest change to the live zone that lets a domain send, in words or for a DNS host.
 *
 * Nothing is published here. Exit status: done when a plan could be made, whether or not it has something to do; no when
 * something of it cannot be done without breaking what stands; unknown when a name could not be looked up, for then the
 * plan is not whole.
 */
import type { SendingDomain } from "#dns/sending-domain.ts";
import { cloudflareBatch } from "#dns/export/cloudflare.ts";
import { formatDnscontrol } from "#dns/export/dnscontrol.ts";
import { planAsJson } from "#dns/export/json.ts";
import { formatOctodns } from "#dns/export/octodns.ts";
import { formatTerraform, type TerraformProvider } from "#dns/export/terraform.ts";
import { formatRecord, formatZoneFile } from "#dns/export/zone-file.ts";
import type { DmarcPolicy } from "#dns/dmarc.ts";
import type { Requirement } from "#dns/need.ts";
import { plan as planOf } from "#dns/plan.ts";
import { sendingRequirement } from "#dns/sending-requirement.ts";
import { type Change, isEdit } from "#dns/zone.ts";
import { type ResolverOptions, resolverRun, sendingDomain, type SendingOptions } from "./dns-options.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

export const OUTPUTS = ["zone", "terraform", "dnscontrol", "octodns", "cloudflare", "json"] as const;
export type PlanOptions = ResolverOptions &
  SendingOptions & {
    policy?: DmarcPolicy;
    rua?: string;
    out?: (typeof OUTPUTS)[number];
    provider?: TerraformProvider;
    zoneId?: string;
    json?: boolean;
  };

export const plan = async (typed: string, options: PlanOptions, around: Surroundings): Promise<Exit> => {
  const sending = sendingDomain(typed, options, around);
  const requirement = requirementOf(sending, options);
  const run = resolverRun(options);
  const changes = await planOf(requirement, run.resolve, new AbortController().signal);
  const cut = run.cut();
  if (cut !== undefined) around.err(`hikyaku: not all was looked at: ${cut}`);
  const written = write(changes, sending.domain, options);
  if (written.kind === "not-possible") {
    around.err(`hikyaku: ${written.reason}`);
    return EXIT.unknown;
  }
  around.out(written.text);
  if (changes.some(({ kind }) => kind === "unknown")) return EXIT.unknown;
  return changes.some(({ kind }) => kind === "conflict") ? EXIT.no : EXIT.done;
};

/** Throws `WrongUse` when too little was told to know what has to be there. */
export const requirementOf = (sending: SendingDomain, { policy = "none", rua }: PlanOptions): Requirement => {
  const { domain, returnPath, includes, addresses } = sending;
  if (returnPath !== domain && !returnPath.endsWith(`.${domain}`))
    throw new WrongUse(`--return-path ${returnPath} is not below ${domain}: its records are in another zone`);
  if (includes.length + addresses.length === 0)
    throw new WrongUse("who sends for the domain? Give --include with the relays' SPF name, or --ip");
  const selectors = sending.selectors.map(({ selector, key }) => {
    if (!key) throw new WrongUse(`selector ${selector} needs a key to be published: give --dkim-key, see dkim new`);
    return { selector, key };
  });
  if (rua !== undefined && !/^mailto:[^@,\s]+@[^@,\s]+$/.test(rua)) throw new WrongUse("--rua is mailto:name@domain");
  return sendingRequirement({ ...sending, selectors }, { policy, ...(rua !== undefined && { rua }) });
};

type Written = { kind: "text"; text: string } | { kind: "not-possible"; reason: string };

const write = (changes: readonly Change[], domain: string, options: PlanOptions): Written => {
  const text = (written: string): Written => ({ kind: "text", text: written.trimEnd() });
  const form = options.json === true ? "json" : options.out;
  if (form === undefined) return text(describe(changes, domain));
  switch (form) {
    case "zone":
      return text(formatZoneFile(changes));
    case "terraform":
      return text(formatTerraform(changes, options.provider ?? "cloudflare"));
    case "dnscontrol":
      return text(formatDnscontrol(changes, domain));
    case "octodns":
      return text(formatOctodns(changes, domain));
    case "cloudflare": {
      const batch = cloudflareBatch(changes, options.zoneId ?? "ZONE_ID", []);
      if (batch.kind === "call") return text(JSON.stringify(batch.call, undefined, 2));
      const reason = `${formatRecord(batch.record)} is to be replaced, and Cloudflare wants its id for that: use --out zone or terraform`;
      return { kind: "not-possible", reason };
    }
    case "json":
      return text(JSON.stringify({ domain, changes: planAsJson(changes) }));
  }
};

/** In words: `=` stays, `-` goes, `+` comes, `x` may not come, `?` is not known; `!` stays broken beside it. */
export const describe = (changes: readonly Change[], domain: string): string => {
  const open = changes.filter(isEdit).length;
  const unknown = changes.filter(({ kind }) => kind === "unknown").length;
  const conflicts = changes.filter(({ kind }) => kind === "conflict").length;
  const rest =
    (conflicts === 0 ? "" : `, ${conflicts} in conflict with what stands`) +
    (unknown === 0 ? "" : `, ${unknown} could not be looked up`);
  const heading = open === 0 ? `${domain}: nothing to publish${rest}` : `${domain}: ${open} to publish${rest}`;
  return [heading, "", ...changes.flatMap(describeChange)].join("\n");
};

const describeChange = (change: Change): string[] => {
  switch (change.kind) {
    case "keep":
      return [`  = ${formatRecord(change.record)}`, ...cautionOf(change)];
    case "add":
      return [`  + ${formatRecord(change.to)}`, ...cautionOf(change)];
    case "replace":
      return [
        ...change.from.map((record) => `  - ${formatRecord(record)}`),
        `  + ${formatRecord(change.to)}`,
        ...cautionOf(change),
      ];
    case "conflict":
      return [
        ...change.standing.map((record) => `  = ${formatRecord(record)}`),
        `  x ${change.type} of ${change.name}: ${change.text}`,
      ];
    case "unknown":
      return [`  ? ${change.type} of ${change.name}: ${change.reason}`];
  }
};

const cautionOf = ({ caution }: { caution?: string }): string[] => (caution === undefined ? [] : [`    ! ${caution}`]);
