/**
 * The Organizational Domain as receivers found it before RFC 9989: by a list of public suffixes (RFC 7489 §3.2).
 *
 * The list is an argument, in the notation of publicsuffix.org; which one a receiver has is anybody's guess, which is
 * why the RFC gave it up. `COMMON_SUFFIXES` is no copy of that list: it has what mail is often sent from.
 */

/** Rules such as `co.uk`, `*.ck`, `!www.ck`. Names of one label need none: they all are suffixes. */
export type PublicSuffixes = ReadonlySet<string>;

/** One label more than the longest suffix that fits; a suffix itself is its own. */
export const organizationalByList = (domain: string, suffixes: PublicSuffixes): string => {
  const labels = domain.split(".");
  const nameFrom = (at: number): string => labels.slice(at).join(".");
  for (let at = 0; at < labels.length; at++) {
    // An exception takes a name out of a wildcard: it is no suffix, what is above it is.
    if (suffixes.has(`!${nameFrom(at)}`)) return nameFrom(at);
    const fits = suffixes.has(nameFrom(at)) || suffixes.has(`*.${nameFrom(at + 1)}`) || at === labels.length - 1;
    if (fits) return nameFrom(Math.max(0, at - 1));
  }
  return domain;
};

const under = (parent: string, labels: string): string[] => labels.split(" ").map((label) => `${label}.${parent}`);

/** Registries with a second level, and hosts that give customers names of their own. */
export const COMMON_SUFFIXES: PublicSuffixes = new Set([
  ...under("uk", "ac co gov ltd me net nhs org plc police *.sch"),
  ...under("au", "asn com edu gov id net org"),
  ...under("nz", "ac co geek gen govt iwi maori net org school"),
  ...under("jp", "ac ad co ed go gr lg ne or"),
  ...under("kr", "ac co go ne or re"),
  ...under("br", "adv art com edu eng gov ind net org"),
  ...under("za", "ac co gov net org web"),
  ...under("in", "ac co edu firm gen gov ind net nic org res"),
  ...under("il", "ac co gov muni net org"),
  ...under("id", "ac co go or sch web"),
  ...under("th", "ac co go in or"),
  ...under("at", "ac co gv or"),
  ...under("hu", "co org"),
  ...under("ck", "*"),
  "!www.ck",
  ...["ar", "cn", "co", "eg", "es", "gr", "hk", "mx", "my", "ng", "pe", "ph", "pk", "pl", "pt"].flatMap((country) =>
    under(country, "com edu gov net org"),
  ),
  ...["ro", "ru", "sa", "sg", "tr", "tw", "ua", "uy", "ve", "vn"].flatMap((country) =>
    under(country, "com edu gov net org"),
  ),
  ...under("com", "blogspot herokuapp firebaseapp"),
  ...under("app", "netlify vercel web"),
  ...under("dev", "fly pages workers"),
  ...under("net", "azurewebsites cloudfront"),
  ...under("io", "github gitlab"),
]);
