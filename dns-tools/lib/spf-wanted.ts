/**
 * Who is to be let send by an SPF record, as its terms and as a record of its own.
 */
import { parseIpv4 } from "./ip-address.ts";
import { formatSpf, type SpfTerm } from "./spf.ts";

/** Neither: nobody in particular. */
export type SpfWanted = {
  /** Domains whose records name the relays. */
  includes: readonly string[];
  /** Of relays. */
  addresses: readonly string[];
};

export const spfTermsOf = ({ includes, addresses }: SpfWanted): SpfTerm[] => [
  ...addresses.map((address): SpfTerm => ({
    kind: parseIpv4(address) === undefined ? "ip6" : "ip4",
    address,
    qualifier: "+",
  })),
  ...includes.map((domainSpec): SpfTerm => ({ kind: "include", domainSpec, qualifier: "+" })),
];

/** What to publish where nothing is: who sends by an `include` needs no addresses beside it. */
export const wantedSpf = (wanted: SpfWanted): string => {
  const terms = spfTermsOf(wanted.includes.length > 0 ? { ...wanted, addresses: [] } : wanted);
  return formatSpf([...terms, { kind: "all", qualifier: "~" }]);
};
