/** The rows of `EVERY_CODE` about what no mailbox provider requires, and about relays. */
import type { FindingCode } from "#dns/finding.ts";
import type { RecordedName } from "#resolvers/recorded.ts";
import { GOOD_APEX, REVERSE, RUA, a, policy, txt, type Row, type Served, type ZoneChange } from "./whole-check.ts";

export type BonusCode = Extract<FindingCode, `${"mta-sts" | "tls-rpt" | "dane" | "bimi" | "ptr" | "dnsbl"}.${string}`>;

const POLICY = policy("enforce", 604_800, "mail.d.test");
const TWO_HOSTS = { ...GOOD_APEX, MX: [...GOOD_APEX.MX, { preference: 20, exchange: "mail2.d.test" }] } as const;
const STS: ZoneChange = { "_mta-sts.d.test": txt("v=STSv1; id=1"), "mta-sts.d.test": a("192.0.2.5") };
const tlsa = (usage: number, octets = 32, authenticated = true): RecordedName => ({
  TLSA: [{ usage, selector: 1, matchingType: 1, certificate: new Uint8Array(octets) }],
  authenticated,
});
const TLSA = "_25._tcp.mail.d.test";
const BIMI = "default._bimi.d.test";
const LOGO = "v=BIMI1; l=https://d.test/logo.svg; a=https://d.test/mark.pem";

const bonusRow = (gives: string, zone: ZoneChange, near: ZoneChange): Row => ({ gives, zone, near });
const policyRow = (status: string, served: Served, near: Served): Row => ({
  gives: `${status} mta-sts.d.test`,
  zone: STS,
  near: STS,
  policy: served,
  nearPolicy: near,
});
const relayRow = (gives: string, zone: ZoneChange, near: ZoneChange): Row => ({ gives, zone, near, check: "relays" });

export const EVERY_BONUS_CODE: Record<BonusCode, Row> = {
  "mta-sts.missing": bonusRow("warn _mta-sts.d.test", { "mta-sts.d.test": a("192.0.2.5") }, {}),
  "mta-sts.multiple": bonusRow(
    "warn _mta-sts.d.test",
    { ...STS, "_mta-sts.d.test": txt("v=STSv1; id=1", "v=STSv1; id=2") },
    STS,
  ),
  "mta-sts.syntax": bonusRow("warn _mta-sts.d.test", { ...STS, "_mta-sts.d.test": txt("v=STSv1;") }, STS),
  "mta-sts.host": bonusRow("warn mta-sts.d.test", { ...STS, "mta-sts.d.test": undefined }, STS),
  "mta-sts.fetch": policyRow("warn", { fails: true }, {}),
  "mta-sts.media-type": policyRow("warn", { contentType: "text/html" }, { contentType: "text/plain;charset=utf-8" }),
  "mta-sts.policy-syntax": policyRow("warn", { text: `${POLICY}mxx: x\r\n` }, {}),
  "mta-sts.mx-not-covered": policyRow(
    "fail",
    { text: policy("enforce", 604_800, "old.test") },
    { text: policy("enforce", 604_800, "*.d.test") },
  ),
  "mta-sts.mx-unused": policyRow("warn", { text: policy("enforce", 604_800, "mail.d.test", "old.test") }, {}),
  "mta-sts.not-enforced": policyRow("warn", { text: policy("testing", 604_800, "mail.d.test") }, {}),
  "mta-sts.max-age": policyRow(
    "warn",
    { text: policy("enforce", 86_399, "mail.d.test") },
    { text: policy("enforce", 86_400, "mail.d.test") },
  ),
  "mta-sts.id": {
    ...bonusRow("warn _mta-sts.d.test", STS, { ...STS, "_mta-sts.d.test": txt("v=STSv1; id=2") }),
    before: { zone: STS, policy: { text: policy("enforce", 604_800, "mail.d.test", "old.test") } },
  },
  "mta-sts.milder": {
    ...policyRow("warn", { text: policy("testing", 604_800, "mail.d.test") }, {}),
    zone: { ...STS, "_mta-sts.d.test": txt("v=STSv1; id=2") },
    before: { zone: STS, policy: {} },
  },

  // It is nobody's fault to have none: the code says that there is one.
  "tls-rpt.missing": bonusRow(
    "pass _smtp._tls.d.test",
    { "_smtp._tls.d.test": txt("v=TLSRPTv1; rua=mailto:t@d.test") },
    {},
  ),
  "tls-rpt.multiple": bonusRow(
    "warn _smtp._tls.d.test",
    { "_smtp._tls.d.test": txt("v=TLSRPTv1; rua=mailto:t@d.test", "v=TLSRPTv1; rua=mailto:u@d.test") },
    { "_smtp._tls.d.test": txt("v=TLSRPTv1; rua=mailto:t@d.test", "x") },
  ),
  "tls-rpt.syntax": bonusRow(
    "warn _smtp._tls.d.test",
    { "_smtp._tls.d.test": txt("v=TLSRPTv1; rua=t@d.test") },
    { "_smtp._tls.d.test": txt("v=TLSRPTv1; rua=mailto:t@d.test") },
  ),

  "dane.missing": bonusRow(
    "warn _25._tcp.mail2.d.test",
    { "d.test": TWO_HOSTS, "mail2.d.test": a("192.0.2.6"), [TLSA]: tlsa(3) },
    { "d.test": TWO_HOSTS, "mail2.d.test": a("192.0.2.6") },
  ),
  "dane.unsigned": bonusRow(`warn ${TLSA}`, { [TLSA]: tlsa(3, 32, false) }, { [TLSA]: tlsa(3) }),
  "dane.unusable": bonusRow(`warn ${TLSA}`, { [TLSA]: tlsa(1) }, { [TLSA]: tlsa(2) }),

  "bimi.missing": bonusRow(`pass ${BIMI}`, { [BIMI]: txt(LOGO) }, {}),
  "bimi.multiple": bonusRow(`warn ${BIMI}`, { [BIMI]: txt(LOGO, LOGO) }, { [BIMI]: txt(LOGO, "x") }),
  "bimi.syntax": bonusRow(`warn ${BIMI}`, { [BIMI]: txt("v=BIMI1; l=x") }, { [BIMI]: txt(LOGO) }),
  "bimi.not-enforced": bonusRow(
    `warn ${BIMI}`,
    { [BIMI]: txt(LOGO), "_dmarc.d.test": txt(`v=DMARC1; p=quarantine; t=y; ${RUA}`) },
    { [BIMI]: txt(LOGO), "_dmarc.d.test": txt(`v=DMARC1; p=quarantine; ${RUA}`) },
  ),

  "ptr.missing": relayRow(`fail ${REVERSE}`, { [REVERSE]: undefined }, {}),
  "ptr.multiple": relayRow(
    `warn ${REVERSE}`,
    { [REVERSE]: { PTR: ["mx1.relay.test", "x.relay.test"] } },
    { [REVERSE]: { PTR: ["mx1.relay.test", "MX1.relay.test"] } },
  ),
  "ptr.not-confirmed": relayRow(
    `fail ${REVERSE}`,
    { "mx1.relay.test": a("192.0.2.99") },
    { "mx1.relay.test": a("192.0.2.99", "192.0.2.10") },
  ),
  "ptr.helo": relayRow(
    `warn ${REVERSE}`,
    { [REVERSE]: { PTR: ["x.relay.test"] }, "x.relay.test": a("192.0.2.10") },
    { [REVERSE]: { PTR: ["mx1.relay.test"] }, "x.relay.test": a("192.0.2.10") },
  ),
  "ptr.generic": relayRow(
    `warn ${REVERSE}`,
    { [REVERSE]: { PTR: ["192-0-2-10.dsl.test"] }, "192-0-2-10.dsl.test": a("192.0.2.10") },
    { [REVERSE]: { PTR: ["x.relay.test"] }, "x.relay.test": a("192.0.2.10") },
  ),

  "dnsbl.listed": relayRow(
    "fail 10.2.0.192.zen.spamhaus.org",
    { "10.2.0.192.zen.spamhaus.org": a("127.0.0.4") },
    { "10.2.0.192.zen.spamhaus.org": a("127.255.255.254") },
  ),
  "dnsbl.indeterminate": relayRow(
    "indeterminate zen.spamhaus.org",
    { "10.2.0.192.zen.spamhaus.org": a("127.255.255.254") },
    { "10.2.0.192.zen.spamhaus.org": a("127.0.0.4") },
  ),
};
