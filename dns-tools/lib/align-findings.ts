/**
 * What is wrong with who speaks for a From address, of an alignment that was found.
 *
 * Aligned here is what either edition of DMARC calls so: where they differ for want of a record, that is
 * `dmarc.psl-only` or `dmarc.missing`, and told there. Nothing is looked up.
 */
import type { Alignment, Authenticated, IdentifierVerdict, Known } from "./align.ts";
import type { Finding } from "./finding.ts";

/** Mailbox providers' own domains: nobody else can authenticate as them. */
const FREEMAIL: ReadonlySet<string> = new Set(
  [
    "gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.co.jp yahoo.de yahoo.fr ymail.com rocketmail.com aol.com",
    "outlook.com hotmail.com hotmail.co.uk hotmail.fr live.com msn.com icloud.com me.com mac.com proton.me",
    "protonmail.com gmx.com gmx.net gmx.de web.de t-online.de freenet.de orange.fr free.fr laposte.net libero.it",
    "mail.ru yandex.ru yandex.com qq.com 163.com 126.com naver.com zoho.com fastmail.com",
  ].flatMap((domains) => domains.split(" ")),
);

type Identifier = Pick<IdentifierVerdict, "mechanism" | "domain" | "mode" | "aligned" | "relaxed">;

/** At least one: `align.none` with the status `pass` when all is well. */
export const alignFindings = ({ from }: Authenticated, { rfc9989, rfc7489 }: Alignment): Finding[] => {
  const identifiers = rfc9989.identifiers.map((now, at): Identifier => {
    const before = rfc7489.identifiers[at] ?? now;
    return { ...now, aligned: either(now.aligned, before.aligned), relaxed: either(now.relaxed, before.relaxed) };
  });
  const say = sayer(from, identifiers);
  if (FREEMAIL.has(from))
    return [
      say(
        "align.freemail",
        "fail",
        `${from} belongs to a mailbox provider, and nobody else's mail from there passes DMARC. Send from a domain of your own, with the old address as Reply-To.`,
      ),
    ];
  const aligned = identifiers.filter((each) => each.aligned === "yes");
  if (aligned.length === 0 && identifiers.some((each) => each.aligned === "unknown"))
    return [
      say(
        "align.none",
        "indeterminate",
        `Whether anything speaks for ${from} could not be looked up. Check again later.`,
      ),
    ];
  const strict = identifiers.find((each) => each.relaxed === "yes" && !covered(each, aligned));
  if (strict) return [strictly(from, strict, aligned, say)];
  if (aligned.length === 0) return [say("align.none", "fail", notAligned(from, identifiers))];
  if (aligned.every(({ mechanism }) => mechanism === "spf"))
    return [
      say(
        "align.spf-only",
        "warn",
        `Only SPF speaks for ${from}, and SPF fails once a mail is forwarded. Sign with DKIM as ${from}.`,
      ),
    ];
  return [say("align.none", "pass", `${inWords(aligned)}, and speaks for From ${from}.`)];
};

const either = (now: Known, before: Known): Known =>
  now === "yes" || before === "yes" ? "yes" : now === "unknown" || before === "unknown" ? "unknown" : "no";

/** Several signatures: one that aligns is enough. */
const covered = ({ mechanism }: Identifier, aligned: readonly Identifier[]): boolean =>
  aligned.some((each) => each.mechanism === mechanism);

type Say = (code: Finding["code"], status: Finding["status"], text: string) => Finding;

const sayer =
  (from: string, identifiers: readonly Identifier[]): Say =>
  (code, status, text) => ({
    code,
    status,
    name: from,
    text,
    evidence: [
      `From ${from}`,
      ...identifiers.map(
        ({ mechanism, domain, mode, aligned }) => `${mechanism} ${domain}, mode ${mode}: aligned ${aligned}`,
      ),
    ],
    rfc: "RFC 9989 §4.4",
  });

const NAMES = { spf: "SPF", dkim: "DKIM" } as const;

const inWords = (identifiers: readonly Identifier[]): string =>
  identifiers.map(({ mechanism, domain }) => `${NAMES[mechanism]} passes for ${domain}`).join(", ");

const notAligned = (from: string, identifiers: readonly Identifier[]): string => {
  const seen = identifiers.length === 0 ? "Neither SPF nor DKIM passes" : inWords(identifiers);
  return `${seen}, but the From is ${from}: DMARC fails. Sign with DKIM as ${from}.`;
};

const strictly = (
  from: string,
  { mechanism, domain }: Identifier,
  aligned: readonly Identifier[],
  say: Say,
): Finding => {
  const tag = mechanism === "spf" ? "aspf" : "adkim";
  const seen = `${tag}=s asks for the same name, and ${domain} is not ${from}: ${NAMES[mechanism]} cannot align.`;
  return aligned.length > 0
    ? say(
        "align.strict",
        "warn",
        `${seen} ${inWords(aligned)}, so DMARC passes by that alone. For both, set \`${tag}=r\`.`,
      )
    : say("align.strict", "fail", `${seen} Nothing else does: DMARC fails. Set \`${tag}=r\`.`);
};
