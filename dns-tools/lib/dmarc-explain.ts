/**
 * DMARC in words, for `explain`: each step of a tree walk and what it decided, each tag of a record and what it means.
 *
 * Nothing is judged here, and nothing looked up; text from the DNS is shown cut.
 */
import type { Discovery, StepFound } from "./dmarc-discovery.ts";
import { HISTORIC_TAGS, onTrial, type DmarcPolicy, type DmarcRecord, type ReportUri } from "./dmarc.ts";
import { shown } from "./look-up-findings.ts";

const SHOWN_CHARACTERS = 300;

/** One line for each name that was asked, then the Organizational Domain, then where the policy comes from. */
export const explainDiscovery = (discovery: Discovery): string[] => {
  const { domain, steps, organizationalDomain } = discovery.walk;
  const labels = domain.split(".").length;
  return [
    ...steps.map(({ domain: at, name, found }, index) => {
      const jump = index === 1 && labels - at.split(".").length > 1 ? ` (from ${labels} labels down to 7)` : "";
      return `${name}${jump}: ${stepInWords(found)}`;
    }),
    organizationalDomain === undefined
      ? "The Organizational Domain is not known: a look-up failed that could have decided it."
      : `The Organizational Domain is ${organizationalDomain}.`,
    resultInWords(discovery),
  ];
};

const stepInWords = (found: StepFound): string => {
  switch (found.kind) {
    case "record": {
      const stop = found.record.psd === "u" ? "" : ` psd=${found.record.psd} ends the walk.`;
      return `\`${shown(found.text, SHOWN_CHARACTERS)}\`.${stop}`;
    }
    case "none":
      return found.texts.length === 0 ? "no record." : "other TXT records, none of DMARC.";
    case "several":
      return `${found.texts.length} DMARC records, all discarded.`;
    case "malformed":
      return `a record that is discarded, because ${found.reason}.`;
    case "unknown":
      return `could not be looked up (${shown(found.reason, SHOWN_CHARACTERS)}).`;
  }
};

const resultInWords = (discovery: Discovery): string => {
  switch (discovery.kind) {
    case "none":
      return `No policy applies to ${discovery.walk.domain}.`;
    case "unknown":
      return `Which policy applies to ${discovery.walk.domain} is not known.`;
    case "policy":
      return `The policy for ${discovery.walk.domain} is in the record of ${WHOSE[discovery.from]}, ${discovery.policyDomain}.`;
  }
};

const WHOSE = {
  domain: "the domain itself",
  organizational: "its Organizational Domain",
  suffix: "the public suffix above it",
} as const;

export type TagMeaning = { tag: string; meaning: string };

/** What is written, tag by tag, and what holds because it is not. */
export const explainRecord = ({ p, sp, np, adkim, aspf, t, psd, rua, ruf, fo, others }: DmarcRecord): TagMeaning[] => {
  const asked = (policy: DmarcPolicy): string =>
    t === "y" && policy !== "none" ? `${ASKED[policy]}, for now only: ${ASKED[onTrial(policy)]}` : ASKED[policy];
  const below = sp ?? p ?? "none";
  return [
    { tag: "p", meaning: p ? `Mail from the domain that fails: ${asked(p)}.` : "No policy: none, if there is a rua." },
    { tag: "sp", meaning: `Mail from subdomains that fails: ${asked(below)}.` },
    { tag: "np", meaning: `Mail from subdomains that do not exist: ${asked(np ?? below)}.` },
    { tag: "adkim", meaning: `A DKIM signature counts ${COUNTS[adkim]}.` },
    { tag: "aspf", meaning: `SPF counts ${COUNTS[aspf]}.` },
    { tag: "psd", meaning: PSD[psd] },
    { tag: "rua", meaning: rua.length > 0 ? `Daily reports go to ${hosts(rua)}.` : "Nobody gets daily reports." },
    {
      tag: "ruf",
      meaning:
        ruf.length > 0 ? `Reports of single failures go to ${hosts(ruf)}.` : "Nobody gets reports of single failures.",
    },
    ...(ruf.length > 0
      ? [
          {
            tag: "fo",
            meaning: `Single failures are reported if ${(fo.length > 0 ? fo : (["0"] as const)).map((option) => FAILURES[option]).join(", or ")}.`,
          },
        ]
      : []),
    ...others.map(([tag]) => ({
      tag,
      meaning: HISTORIC_TAGS.includes(tag)
        ? "Taken out by RFC 9989; some receivers still heed it."
        : "Unknown, and passed over.",
    })),
  ];
};

const ASKED = { none: "nothing is asked", quarantine: "treat it as suspicious", reject: "refuse it" } as const;
const COUNTS = { r: "for the same organization", s: "for the very same name only" } as const;
const PSD = {
  y: "The domain is a public suffix: the names below it belong to others.",
  n: "The domain is an organization of its own, whatever stands above it.",
  u: "The tree walk finds out whose the domain is.",
} as const;
const FAILURES = {
  "0": "nothing aligned passes",
  "1": "anything does not pass aligned",
  d: "a DKIM signature fails",
  s: "SPF fails",
} as const;

const hosts = (uris: readonly ReportUri[]): string => uris.map(({ uri }) => shown(uri, SHOWN_CHARACTERS)).join(", ");
