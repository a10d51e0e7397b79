/**
 * What a sending domain has to publish, as data: the return-path's MX and SPF, and a record for each DKIM key.
 */
import { formatDkimRecord, type DkimKey } from "./dkim-record.ts";

/** `name` is relative to the domain. */
export type RequiredRecord =
  | { purpose: "SPF"; name: string; type: "MX"; value: string; priority: number }
  | { purpose: "SPF"; name: string; type: "TXT"; value: string; priority?: undefined; include: string }
  | { purpose: "DKIM"; name: string; type: "TXT"; value: string; priority?: undefined; key: DkimKey };

export type SendingNeeds = {
  /** The label of return-path addresses: `send` for `send.example.com`. */
  returnPath: string;
  selectors: (DkimKey & { selector: string })[];
  /** Whose SPF record authorises the relays. */
  spfInclude: string;
  /** Where bounces are to be sent. */
  bounceHost: string;
};

const BOUNCE_PRIORITY = 10;

export const sendingRecords = ({ returnPath, selectors, spfInclude, bounceHost }: SendingNeeds): RequiredRecord[] => [
  { purpose: "SPF", name: returnPath, type: "MX", value: bounceHost, priority: BOUNCE_PRIORITY },
  {
    purpose: "SPF",
    name: returnPath,
    type: "TXT",
    value: `v=spf1 include:${spfInclude} ~all`,
    include: spfInclude,
  },
  ...selectors.map(({ selector, ...key }): RequiredRecord => ({
    purpose: "DKIM",
    name: `${selector}._domainkey`,
    type: "TXT",
    value: formatDkimRecord(key),
    key,
  })),
];
