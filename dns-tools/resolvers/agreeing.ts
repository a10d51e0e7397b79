/**
 * The port over several resolvers: an answer here is one that two of them gave.
 *
 * A change that has not reached everybody, a resolver that lies and a zone whose servers differ all show as two
 * answers; neither of them is then taken for the truth. Nor is the word of one alone, while all others are down: it is
 * told, and believed by nobody. It does not say which resolver is right.
 */
import { BOGUS, DISAGREEMENT, evidenceOf, UNCONFIRMED, type LookUpFailure } from "#dns/look-up-findings.ts";
import type { Answer, RecordData, RecordType, Resolve } from "#dns/resolver.ts";

/**
 * Asks the first two side by side; in the place of one that could not find out, the next of the others, each once.
 * Different answers are a `servfail` whose reason begins with `DISAGREEMENT`. Where only one found out, that is a failure
 * that begins with `UNCONFIRMED` and says who failed and what the one has. NXDOMAIN and NODATA are one answer: not there.
 */
export const agreeing = (first: Resolve, second: Resolve, ...others: readonly Resolve[]): Resolve => {
  const resolve: Resolve = async (name, type, signal) => {
    const standingBy = [...others];
    const ask = async (asked: Resolve): Promise<Answer<typeof type>> => {
      const answer = await asked(name, type, signal);
      const next = "reason" in answer && !isBogus(answer) ? standingBy.shift() : undefined;
      return next ? ask(next) : answer;
    };
    const [a, b] = await Promise.all([ask(first), ask(second)]);
    // Who checks signatures and finds them broken has found something out, whatever others say who do not check.
    for (const answer of [a, b]) if ("reason" in answer && isBogus(answer)) return answer;
    if ("reason" in a) return "reason" in b ? a : unconfirmed(a, name, type, b);
    if ("reason" in b) return unconfirmed(b, name, type, a);
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

const isBogus = ({ reason }: LookUpFailure): boolean => reason.startsWith(BOGUS);

const SHOWN_RECORDS = 3;

const unconfirmed = (
  failure: LookUpFailure,
  name: string,
  type: RecordType,
  answer: Answer<RecordType>,
): LookUpFailure => {
  const seen = evidenceOf(name, type, answer).slice(0, SHOWN_RECORDS).join(", ");
  return { kind: failure.kind, reason: `${UNCONFIRMED}: ${failure.reason}; the other alone says: ${seen}` };
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
