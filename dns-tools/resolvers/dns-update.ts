/**
 * A plan published by DNS UPDATE (RFC 2136), signed with TSIG, over TCP, to the zone's primary server; Node and Deno.
 *
 * It is one transaction: everything is done or nothing is. It is done only while each set of records that the plan
 * touches is still what the plan saw; `keep` and `unknown` change nothing. It tries once, and looks up nothing: who
 * wants to know whether the other servers of the zone have it asks them.
 */
import { connect, isIP } from "node:net";
import { PUBLISHED_TTL_SECONDS } from "#dns/export/zone-file.ts";
import { isEdit, sameRecord, type Change, type Edit, type MailRecord } from "#dns/zone.ts";
import {
  BADKEY,
  BADSIG,
  BADTIME,
  importTsigKey,
  isWireName,
  signMessage,
  u16,
  verifyAnswer,
  wireName,
  type TsigKey,
} from "./tsig.ts";
import type { DnsServer } from "./udp.ts";

export type UpdateOptions = {
  zone: string;
  server: DnsServer;
  key: TsigKey;
  nowSeconds: number;
  /** For all of it. */
  timeoutMs: number;
};

export type Publication =
  | { kind: "done" }
  /**
   * The server says no, and nothing changed. `rcode` is of RFC 2136 §2.2: 7 and 8 mean that the zone is not what the
   * plan saw. Only a server that accepts the key signs this, so others could have said it too.
   */
  | { kind: "refused"; rcode: number; reason: string }
  /** It was not done, or nobody knows whether it was: `reason` says which. */
  | { kind: "failed"; reason: string };

const HEADER_OCTETS = 12;
const LARGEST_MESSAGE_OCTETS = 65_535;
/** QR, and the opcode 5 (RFC 2136 §1.3), of the header's third octet. */
const RESPONSE = 0x80;
const OPCODE_BITS = 0x78;
const UPDATE = 5 << 3;
const RCODE_BITS = 0x0f;

const TYPE = { CNAME: 5, SOA: 6, MX: 15, TXT: 16 } as const;
const CLASS_IN = 1;
const CLASS_NONE = 254;

/** Publishes the edits of a plan. Never rejects. Without any edit there is nothing to do, and nobody is asked. */
export const publish = async (changes: readonly Change[], options: UpdateOptions): Promise<Publication> => {
  const { zone, server, key, nowSeconds, timeoutMs } = options;
  const edits = changes.filter(isEdit);
  if (edits.length === 0) return { kind: "done" };
  const badName = [zone, key.name, ...edits.flatMap(namesOf)].find((name) => !isWireName(name));
  if (badName !== undefined) return failed(`nothing was sent: the DNS cannot hold the name ${badName}`);
  const ready = await importTsigKey(key);
  if (!ready) return failed("nothing was sent: the key's secret is not base64");
  const { message, mac } = await signMessage(formatUpdate(zone, edits), ready, nowSeconds);
  if (message.length > LARGEST_MESSAGE_OCTETS) return failed("nothing was sent: it is too much for one update");

  const host = isIP(server.address) === 6 ? `[${server.address}]:${server.port}` : `${server.address}:${server.port}`;
  const reply = await askTcp(message, server, host, timeoutMs);
  if (reply.kind === "failed") return reply;
  const { bytes } = reply;
  const isAnswer = bytes[0] === message[0] && bytes[1] === message[1];
  if (bytes.length < HEADER_OCTETS || !isAnswer || ((bytes[2] ?? 0) & (RESPONSE | OPCODE_BITS)) !== (RESPONSE | UPDATE))
    return failed(`${host} sent what is no answer to the update: ${MAY_BE_DONE}`);
  const verdict = await verifyAnswer(bytes, ready, mac, nowSeconds);
  if (verdict.kind === "invalid") return failed(`${host} answered, but ${verdict.reason}: ${MAY_BE_DONE}`);
  const rcode = (bytes[3] ?? 0) & RCODE_BITS;
  if (rcode !== 0) return { kind: "refused", rcode, reason: `${host} ${reasonOf(rcode, verdict.error)}` };
  // RFC 8945 §5.4: the word of who does not show the key is not taken for a success.
  return verdict.kind === "valid" ? { kind: "done" } : failed(`${host} did not sign its answer: ${MAY_BE_DONE}`);
};

const MAY_BE_DONE = "it may have been done, look before you try again";

const failed = (reason: string): { kind: "failed"; reason: string } => ({ kind: "failed", reason });

const namesOf = (edit: Edit): string[] =>
  [edit.to, ...takenBy(edit), ...edit.beside].flatMap((record) => {
    if (record.type === "TXT") return [record.name];
    return [record.name, record.type === "MX" ? record.data.exchange : record.data];
  });

const takenBy = (edit: Edit): readonly MailRecord[] => (edit.kind === "replace" ? edit.from : []);

/** RFC 2136 §2: zone, prerequisites and changes, in the places of question, answers and authorities. */
const formatUpdate = (zone: string, edits: readonly Edit[]): Uint8Array => {
  const prerequisites = seenBy(edits).flatMap(({ name, type, records }) =>
    records.length === 0
      ? // RFC 2136 §2.4.3: there is no such set.
        [formatRecord(name, type, CLASS_NONE, 0, [])]
      : // RFC 2136 §2.4.2: the set has these records and no others.
        records.map((record) => formatRecord(name, type, CLASS_IN, 0, formatData(record))),
  );
  // What goes goes first: what is put there may be among it, and a CNAME leaves no room (RFC 2136 §3.4.2.2).
  const updates = [
    ...edits.flatMap(takenBy).map((from) => formatRecord(from.name, from.type, CLASS_NONE, 0, formatData(from))),
    ...edits.map(({ to }) => formatRecord(to.name, to.type, CLASS_IN, PUBLISHED_TTL_SECONDS, formatData(to))),
  ];
  return Uint8Array.from([
    ...crypto.getRandomValues(new Uint8Array(2)),
    ...[UPDATE, 0],
    ...[1, prerequisites.length, updates.length, 0].flatMap(u16),
    ...[...wireName(zone), ...u16(TYPE.SOA), ...u16(CLASS_IN)],
    ...prerequisites.flat(),
    ...updates.flat(),
  ]);
};

type SeenSet = { name: string; type: MailRecord["type"]; records: MailRecord[] };

/**
 * The sets that the plan touches, as it saw them. Where there is to be a record there must be no CNAME but the one that
 * goes: a server leaves out what does not go with it, and says that all is well.
 */
const seenBy = (edits: readonly Edit[]): SeenSet[] => {
  const sets = new Map<string, SeenSet>();
  const setOf = (name: string, type: MailRecord["type"]): SeenSet => {
    const id = `${name} ${type}`;
    const set = sets.get(id) ?? { name, type, records: [] };
    sets.set(id, set);
    return set;
  };
  for (const edit of edits) {
    setOf(edit.to.name, edit.to.type);
    setOf(edit.to.name, "CNAME");
    for (const record of [...takenBy(edit), ...edit.beside]) {
      const { records } = setOf(record.name, record.type);
      if (!records.some((other) => sameRecord(other, record))) records.push(record);
    }
  }
  return [...sets.values()];
};

const formatRecord = (
  name: string,
  type: MailRecord["type"],
  recordClass: number,
  ttlSeconds: number,
  data: readonly number[],
): number[] => [
  ...[...wireName(name), ...u16(TYPE[type]), ...u16(recordClass)],
  ...[...u16(ttlSeconds >> 16), ...u16(ttlSeconds), ...u16(data.length), ...data],
];

const formatData = (record: MailRecord): number[] => {
  switch (record.type) {
    case "CNAME":
      return wireName(record.data);
    case "MX":
      return [...u16(record.data.preference), ...wireName(record.data.exchange)];
    case "TXT":
      return record.data.flatMap((octets) => [octets.length, ...octets]);
  }
};

const REASONS: Readonly<Record<number, string>> = {
  1: "does not understand the update",
  2: "is not able to do it now",
  4: "takes no updates",
  // BIND says it of an MX too whose host the zone should know and does not.
  5: "does not let this key make these changes, or does not take such records",
  6: "has other names than the plan saw: make a new plan",
  7: "has records that the plan did not see: make a new plan",
  8: "has other records than the plan saw: make a new plan",
  9: "is not the primary server of the zone, or does not accept the key",
  10: "has a name of the plan in another zone",
};

const TSIG_REASONS: Readonly<Record<number, string>> = {
  [BADSIG]: "has another secret for the key",
  [BADKEY]: "does not know the key, or not as one that may change the zone",
  [BADTIME]: "has a clock that is too far from ours",
};

const reasonOf = (rcode: number, tsigError: number): string =>
  TSIG_REASONS[tsigError] ?? REASONS[rcode] ?? `refuses it with the code ${rcode}`;

type Reply = { kind: "bytes"; bytes: Uint8Array } | { kind: "failed"; reason: string };

/** RFC 1035 §4.2.2: messages with their length before them. */
const askTcp = (message: Uint8Array, { address, port }: DnsServer, host: string, timeoutMs: number): Promise<Reply> =>
  new Promise((resolve) => {
    const input = new Uint8Array(2 + LARGEST_MESSAGE_OCTETS);
    let sizeOctets = 0;
    let what = "nothing was sent";
    const socket = connect({ host: address, port });
    const end = (reply: Reply): void => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(reply);
    };
    const deadline = setTimeout(() => end(failed(`${host} did not answer in time: ${what}`)), timeoutMs);
    socket.on("error", (error) => end(failed(`${host} could not be asked (${error.message}): ${what}`)));
    socket.on("close", () => end(failed(`${host} closed the connection: ${what}`)));
    socket.on("connect", () => {
      what = MAY_BE_DONE;
      socket.write(Uint8Array.from([...u16(message.length), ...message]));
    });
    socket.on("data", (chunk: Uint8Array) => {
      const taken = chunk.subarray(0, input.length - sizeOctets);
      input.set(taken, sizeOctets);
      sizeOctets += taken.length;
      const endOctets = 2 + (((input[0] ?? 0) << 8) | (input[1] ?? 0));
      if (sizeOctets >= 2 && sizeOctets >= endOctets) end({ kind: "bytes", bytes: input.slice(2, endOctets) });
    });
  });
