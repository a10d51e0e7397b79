/**
 * The port over two resolvers: an answer here is one that both gave.
 *
 * A change that has not reached everybody, a resolver that lies and a zone whose servers differ all show as two
 * answers; neither of them is then taken for the truth. It does not say which resolver is right.
 */
import { DISAGREEMENT } from "#dns/look-up-findings.ts";
import type { Answer, RecordData, RecordType, Resolve } from "#dns/resolver.ts";

/**
 * Asks both side by side. Different answers are a `servfail` whose reason begins with `DISAGREEMENT`; where one could
 * not find out, nor can this. NXDOMAIN and NODATA are one answer: not there.
 */
export const agreeing = (first: Resolve, second: Resolve): Resolve => {
  const resolve: Resolve = async (name, type, signal) => {
    const [a, b] = await Promise.all([first(name, type, signal), second(name, type, signal)]);
    if ("reason" in a) return a;
    if ("reason" in b) return b;
    if (a.kind !== "records" && b.kind !== "records") return a;
    if (a.kind !== "records" || b.kind !== "records" || !sameRecords(type, a.records, b.records))
      return { kind: "servfail", reason: `${DISAGREEMENT}: one has ${summary(a)}, the other ${summary(b)}` };
    return {
      ...a,
      ttlSeconds: Math.min(a.ttlSeconds, b.ttlSeconds),
      authenticated: a.authenticated && b.authenticated,
    };
  };
  return resolve;
};

const sameRecords = <T extends RecordType>(
  type: T,
  a: readonly RecordData[T][],
  b: readonly RecordData[T][],
): boolean =>
  // Addresses may depend on who asks, and be right: of them only that there are some is compared.
  type === "A" || type === "AAAA" || fingerprint(a) === fingerprint(b);

/** The same for the same records in any order; names count in any case, octets as they are. */
const fingerprint = (records: readonly RecordData[RecordType][]): string =>
  records
    .map((data) => JSON.stringify(data, (_, part: unknown) => (typeof part === "string" ? part.toLowerCase() : part)))
    .toSorted()
    .join();

const summary = (answer: Answer<RecordType>): string =>
  answer.kind === "records" ? `${answer.records.length} other record(s)` : "none";
