/**
 * The MX of a return-path: bounces are to come to our host.
 *
 * An MX that somebody's mail goes by is its owner's and stays. One that leads nowhere (a null MX, an address, a host that
 * is not there) takes nobody's mail, and may go.
 */
import { parseIp } from "./ip-address.ts";
import { shown } from "./look-up-findings.ts";
import type { Resolve } from "./resolver.ts";
import type { Need, Verdict } from "./verdict.ts";
import { textOf, type MailRecord, type ZoneRecord } from "./zone.ts";

/** More are not looked up, and count as leading somewhere. */
const MOST_HOSTS = 20;

/** The record for our host. */
export const mxRecord = (name: string, host: string, preference: number): ZoneRecord<"MX"> => ({
  name,
  type: "MX",
  data: { preference, exchange: hostKey(host) },
});

/** `to`: `mxRecord`. */
export const mxNeed = (to: ZoneRecord<"MX">, instead: string): Need => {
  const { name } = to;
  const { exchange } = to.data;
  const judge = async (found: readonly MailRecord[], resolve: Resolve, signal: AbortSignal): Promise<Verdict> => {
    const hosts = found.filter((record) => record.type === "MX");
    const ours = hosts.find((record) => hostKey(textOf(record)) === exchange);
    if (ours) {
      // With a null MX beside it a name takes no mail, and senders refuse a set with an address in it.
      const wrong = hosts.filter((record) => isNoHost(hostKey(textOf(record))));
      return wrong.length > 0
        ? { kind: "change", from: [...wrong, ours], to: ours, ...cautionOf(ours, hosts, wrong) }
        : { kind: "standing", record: ours, ...cautionOf(ours, hosts, wrong) };
    }
    const leads = await Promise.all(
      hosts.map(async (record, at) => at >= MOST_HOSTS || takesMail(record, resolve, signal)),
    );
    const theirs = hosts.filter((_, at) => leads[at]);
    if (theirs.length === 0) return { kind: "change", from: found, to };
    const seen = theirs.slice(0, 3).map((record) => shown(textOf(record)));
    const text = `Mail to ${name} goes to ${seen.join(", ")}${theirs.length > 3 ? ", …" : ""} by its MX, which we leave untouched: ours in its place would take that mail away, and beside it bounces would not reach us for sure. ${instead}`;
    return { kind: "conflict", standing: theirs, text };
  };
  return { purpose: "SPF", name, type: "MX", judge, instead };
};

const hostKey = (host: string): string => host.replace(/\.$/, "").toLowerCase();

/** RFC 7505 §3: a null MX takes no mail. RFC 5321 §5.1: nor does an address in the place of a host. */
const isNoHost = (host: string): boolean =>
  host === "" || parseIp(host.replace(/^\[(?:ipv6:)?(.*)\]$/i, "$1")) !== undefined;

const takesMail = async (
  { data: { exchange } }: ZoneRecord<"MX">,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<boolean> => {
  const host = hostKey(exchange);
  if (isNoHost(host)) return false;
  const answers = await Promise.all([resolve(host, "A", signal), resolve(host, "AAAA", signal)]);
  // What could not be found out may be there.
  return answers.some(({ kind }) => kind !== "nxdomain" && kind !== "nodata");
};

type Mx = ZoneRecord<"MX">;

/** RFC 5321 §5.1: the lowest preference is tried first, of equal ones any. `wrong` ones go. */
const cautionOf = (ours: Mx, hosts: readonly Mx[], wrong: readonly Mx[]): { caution?: string } => {
  const isRival = (other: Mx): boolean =>
    other.data.preference <= ours.data.preference && hostKey(textOf(other)) !== hostKey(textOf(ours));
  const rival = hosts.find((other) => !wrong.includes(other) && isRival(other));
  if (!rival) return {};
  const caution = `${shown(textOf(rival))} is an MX of ${ours.name} beside ours and is tried first or as soon, so bounces of our mail go there. Delete it.`;
  return { caution };
};
