/**
 * What a sending domain has to publish, as data: MX and SPF of the return-path, and a record for each DKIM key.
 *
 * The owner's own records (MX and SPF of the domain itself) are not touched: everything is below it.
 */
import { formatDkimRecord, type DkimKey } from "./dkim-record.ts";

/** `name` is relative to the domain. */
export type RequiredRecord = {
  purpose: "SPF" | "DKIM";
  name: string;
  type: "MX" | "TXT";
  value: string;
  /** Of an MX. */
  priority?: number;
};

export type SendingNeeds = {
  /** The label of return-path addresses: `send` for `send.example.com`. */
  returnPath: string;
  selectors: readonly (DkimKey & { selector: string })[];
  /** The record that authorises the relays, `wantedSpf`; absent: nobody knows whom. */
  spf?: string;
  /** Where bounces are to be sent; absent: that is settled elsewhere. */
  bounceHost?: string;
};

const BOUNCE_PRIORITY = 10;

const bounceRecord = (name: string, host: string): RequiredRecord => ({
  purpose: "SPF",
  name,
  type: "MX",
  value: host,
  priority: BOUNCE_PRIORITY,
});

const spfRecord = (name: string, value: string): RequiredRecord => ({ purpose: "SPF", name, type: "TXT", value });

/** The MX first, then the SPF, then the keys in their order. */
export const sendingRecords = ({ returnPath, selectors, spf, bounceHost }: SendingNeeds): RequiredRecord[] => [
  ...(bounceHost === undefined ? [] : [bounceRecord(returnPath, bounceHost)]),
  ...(spf === undefined ? [] : [spfRecord(returnPath, spf)]),
  ...keyRecords(selectors),
];

/** A record for each key. */
export const keyRecords = (selectors: SendingNeeds["selectors"]): RequiredRecord[] =>
  selectors.map((key) => ({
    purpose: "DKIM",
    // RFC 6376 §3.6.2.1: where a verifier looks.
    name: `${key.selector}._domainkey`,
    type: "TXT",
    value: formatDkimRecord(key),
  }));
