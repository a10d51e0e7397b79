/**
 * Random plans whose exports are read back: names that mean something elsewhere (to YAML, in a natural order), and
 * texts that end a string, begin a template, or are no text at all.
 */
import fc from "fast-check";
import { txtRecord, type Change, type MailRecord } from "#dns/zone.ts";
import { readZone } from "./zone-file-reader.ts";

const label = fc.oneof(
  fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?$/),
  fc.constantFrom("no", "null", "true", "on", "1e3", "0x1f", "1_0", "2026", "s2", "s10", "s02", "_domainkey"),
);
const name = fc.array(label, { maxLength: 3 }).map((labels) => [...labels, "d.test"].join("."));
const host = fc.oneof(
  name.map((name) => `mx.${name}`),
  fc.constant("."),
);

const awkward = fc.constantFrom(
  ...'${1} ${ } %{if} %{ $ % $$ " "" \' \\ \\; \\034 ; a; # &a *a !a | > ` // /* */ é EOT yes ~'.split(" "),
  ...[" ", '" "', " #", ": ", "- ", "\n", "\r", "\t", "\0", "\u2028", "x".repeat(254), "x".repeat(255), "v=spf1 "],
);
const text = fc.array(fc.oneof(awkward, fc.string({ maxLength: 8 })), { maxLength: 8 }).map((parts) => parts.join(""));
/** Strings that nobody but the zone's owner would have cut so, of any octets. */
const octets = fc.array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 4 });

const recordsAt = (name: string): fc.Arbitrary<MailRecord[]> =>
  fc.oneof(
    fc.array(
      fc.oneof(
        text.map((text) => txtRecord(name, text)),
        octets.map((data): MailRecord => ({ name, type: "TXT", data })),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    fc.array(
      fc.record({ preference: fc.nat(65_535), exchange: host }).map((data): MailRecord => ({ name, type: "MX", data })),
      { minLength: 1, maxLength: 4 },
    ),
    host.map((data): MailRecord[] => [{ name, type: "CNAME", data }]),
  );

/** Of records of one name and type the first is to be there, some go, the others stay. */
const changeOf = ([to, ...others]: MailRecord[], gone: number): Change[] => {
  if (to === undefined) return [];
  const [from, beside] = [others.slice(0, gone), others.slice(gone)];
  return [
    from.length > 0
      ? { kind: "replace", purpose: "SPF", from, to, beside }
      : { kind: "add", purpose: "SPF", to, beside },
  ];
};

const change = name.chain((name) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(recordsAt(name), fc.nat(3)).map(([records, gone]) => changeOf(records, gone)) },
    {
      weight: 1,
      arbitrary: text.map((reason): Change[] => [{ kind: "unknown", purpose: "DKIM", name, type: "TXT", reason }]),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(recordsAt(name), text)
        .map(([standing, text]): Change[] => [
          { kind: "conflict", purpose: "DKIM", name, type: "TXT", standing, text },
        ]),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(recordsAt(name), text)
        .map(([records, caution]) =>
          records.slice(0, 1).map((record): Change => ({ kind: "keep", purpose: "DMARC", record, caution })),
        ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(host, text).map(([data, text]): Change[] => [
        {
          kind: "replace",
          purpose: "DKIM",
          from: [{ name, type: "CNAME", data }],
          to: txtRecord(name, text),
          beside: [],
        },
      ]),
    },
  ),
);

const placeOf = (change: Change | undefined): string | undefined => {
  if (change === undefined || "name" in change) return change?.name;
  return change.kind === "keep" ? change.record.name : change.to.name;
};

/** No two changes of one name. */
export const plans = fc
  .uniqueArray(change, { selector: ([first]) => placeOf(first), maxLength: 6 })
  .map((changes) => changes.flat());

/** A record on a line: of a TXT all octets in one piece, wherever it is cut. */
export const lineOf = (record: MailRecord): string => {
  switch (record.type) {
    case "TXT":
      return `${record.name} TXT ${record.data.flatMap((string) => [...string]).join()}`;
    case "MX":
      return `${record.name} MX ${record.data.preference} ${dotted(record.data.exchange)}`;
    case "CNAME":
      return `${record.name} CNAME ${dotted(record.data)}`;
  }
};

export const dotted = (host: string): string => (host.endsWith(".") ? host : `${host}.`);

/** The same of what an export says, its data as in a zone file. */
export const lineFrom = (name: string, type: string, data: string): string => {
  const [record] = readZone(`${name} 3600 IN ${type} ${data}`);
  const words = record?.data ?? [];
  return type === "TXT" ? `${name} TXT ${words.flat().join()}` : [name, type, ...words].join(" ");
};
