/** A plan with one of everything, and with an owner's record that is hostile to every kind of quoting. */
import { txtRecord, type Change, type MailRecord } from "#dns/zone.ts";

const utf8 = new TextEncoder();
export const HOSTILE: MailRecord = {
  name: "d.test",
  type: "TXT",
  data: [utf8.encode(`"it's" \\ \${var.x} %{if} ; # // */ \r\n\t\u2028é`), Uint8Array.from([0, 0xff])],
};

export const SAMPLE: readonly Change[] = [
  {
    kind: "add",
    purpose: "SPF",
    to: { name: "send.d.test", type: "MX", data: { preference: 10, exchange: "bounce.relay.test" } },
    beside: [],
  },
  { kind: "add", purpose: "SPF", to: txtRecord("send.d.test", "v=spf1 include:spf.relay.test ~all"), beside: [] },
  {
    kind: "add",
    purpose: "DKIM",
    to: txtRecord("2026._domainkey.d.test", `v=DKIM1; k=rsa; p=${"A".repeat(392)}`),
    beside: [],
  },
  {
    kind: "replace",
    purpose: "DKIM",
    from: [{ name: "s-2._domainkey.d.test", type: "CNAME", data: "evil\n; name.test" }],
    to: txtRecord("s-2._domainkey.d.test", "v=DKIM1; k=ed25519; p=BBBB"),
    beside: [],
  },
  {
    kind: "replace",
    purpose: "SPF",
    from: [txtRecord("d.test", "v=spf1 mx -all"), txtRecord("d.test", "v=spf1 a -all")],
    to: txtRecord("d.test", "v=spf1 include:spf.relay.test mx a -all"),
    beside: [HOSTILE],
  },
  { kind: "keep", purpose: "DMARC", record: txtRecord("_dmarc.d.test", "v=DMARC1; p=reject") },
  {
    kind: "conflict",
    purpose: "SPF",
    name: "mail.d.test",
    type: "MX",
    standing: [{ name: "mail.d.test", type: "MX", data: { preference: 5, exchange: "owner.test" } }],
    text: "owner.test\nhas it",
  },
  { kind: "unknown", purpose: "DKIM", name: "s3._domainkey.d.test", type: "TXT", reason: "dns.test\nis ill" },
];
