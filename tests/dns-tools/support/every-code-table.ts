/**
 * For every code of `FindingCode` a zone that gives it as the only trouble, and a near miss that does not give it.
 *
 * The table is complete by its type: a new code has no row, and does not compile.
 */
import type { FindingCode } from "#dns/finding.ts";
import { BOGUS, DISAGREEMENT } from "#dns/look-up-findings.ts";
import type { RecordedTxt } from "#resolvers/recorded.ts";
import { EVERY_BONUS_CODE, type BonusCode } from "./every-bonus-code.ts";
import * as keys from "./public-keys.ts";
import {
  GOOD,
  GOOD_APEX,
  KEY,
  OTHER_KEY,
  RUA,
  S1,
  a,
  mx,
  txt,
  type Failure,
  type Row,
  type ZoneChange,
} from "./whole-check.ts";

const send = (...texts: string[]): ZoneChange => ({ "send.d.test": { MX: SEND_MX, TXT: texts } });
const SEND_MX = [{ preference: 10, exchange: "bounce.relay.test" }];
const spf = (terms: string): ZoneChange => send(`v=spf1 ${terms}`);
const spfRow = (status: string, terms: string, near: string): Row => ({
  gives: `${status} send.d.test`,
  zone: spf(terms),
  near: spf(near),
});
const OURS = "include:spf.relay.test";
const includes = (count: number): string => Array.from({ length: count }, (_, at) => `include:s${at}.test`).join(" ");
const INCLUDED: ZoneChange = Object.fromEntries(
  Array.from({ length: 10 }, (_, at) => [`s${at}.test`, txt("v=spf1 ip4:203.0.113.9 ~all")]),
);

const dkimRow = (status: string, record: readonly RecordedTxt[], near: readonly RecordedTxt[] = [KEY]): Row => ({
  gives: `${status} ${S1}`,
  zone: { [S1]: txt(...record) },
  near: { [S1]: txt(...near) },
});
const dmarcRow = (status: string, texts: readonly string[], near: readonly string[]): Row => ({
  gives: `${status} _dmarc.d.test`,
  zone: { "_dmarc.d.test": txt(...texts) },
  near: { "_dmarc.d.test": txt(...near) },
});
const reject = `v=DMARC1; p=reject; ${RUA}`;
const NEWS: ZoneChange = {
  "news.d.test": a("192.0.2.1"),
  "s1._domainkey.news.d.test": txt(KEY),
  "_dmarc.news.d.test": txt("v=DMARC1; p=reject; rua=mailto:x@news.d.test"),
};
const FREEMAIL: ZoneChange = {
  "gmail.com": GOOD["d.test"],
  "s1._domainkey.gmail.com": txt(KEY),
  "_dmarc.gmail.com": txt("v=DMARC1; p=reject; rua=mailto:x@gmail.com"),
  "send.gmail.com": GOOD["send.d.test"],
};
const failing = (reason: string): Failure => ({ name: S1, type: "TXT", reason });

/** `receiving.*` is judged by the account alone: tests/gateway/core/receiving-record.test.ts. */
const REQUIRED_CODES: Record<Exclude<FindingCode, BonusCode | `receiving.${string}`>, Row> = {
  "spf.missing": { gives: "fail send.d.test", zone: { "send.d.test": { MX: SEND_MX } }, near: spf(`${OURS} ~all`) },
  "spf.multiple": {
    gives: "fail send.d.test",
    zone: send(`v=spf1 ${OURS} ~all`, "v=spf1 -all"),
    near: send(`v=spf1 ${OURS} ~all`, "v=spf10 -all"),
  },
  "spf.syntax": spfRow("fail", `ip4:300.0.2.1 ${OURS} ~all`, `ip4:192.0.2.1 ${OURS} ~all`),
  "spf.lookups": {
    gives: "fail send.d.test",
    zone: { ...INCLUDED, ...spf(`${OURS} ${includes(10)} ~all`) },
    near: { ...INCLUDED, ...spf(`${includes(10)} ip4:192.0.2.0/24 ~all`) },
  },
  "spf.void": spfRow("fail", `a:x1.test a:x2.test a:x3.test ${OURS} ~all`, `a:x1.test a:x2.test ${OURS} ~all`),
  "spf.include-none": spfRow("fail", `include:gone.test ${OURS} ~all`, `include:other.test ${OURS} ~all`),
  "spf.loop": spfRow("fail", `include:send.d.test ${OURS} ~all`, `include:other.test ${OURS} ~all`),
  "spf.wrong-domain": {
    gives: "fail send.d.test",
    zone: { "send.d.test": { MX: SEND_MX }, "d.test": { ...mx("mail.d.test"), TXT: [`v=spf1 ${OURS} ~all`] } },
    near: {
      "send.d.test": { MX: SEND_MX },
      "d.test": { ...mx("mail.d.test"), TXT: ["v=spf1 include:other.test ~all"] },
    },
  },
  "spf.not-authorised": spfRow("fail", "include:other.test ~all", "ip4:203.0.113.1 include:spf.relay.test ~all"),
  "spf.plus-all": spfRow("warn", `${OURS} +all`, `${OURS} -all`),
  "spf.neutral-all": spfRow("warn", `${OURS} ?all`, `${OURS} ~all`),
  "spf.no-all": spfRow("warn", OURS, `${OURS} redirect=other.test`),
  "spf.after-all": spfRow("warn", `${OURS} ~all include:other.test`, `${OURS} include:other.test ~all`),
  "spf.ptr": spfRow("warn", `${OURS} ptr ~all`, `${OURS} mx ~all`),
  "spf.too-long": {
    gives: "warn send.d.test",
    zone: send(`v=spf1 ${OURS} ~all`, "x".repeat(410)),
    near: send(`v=spf1 ${OURS} ~all`, "x".repeat(390)),
  },
  "spf.type99": {
    gives: "warn send.d.test",
    zone: { "send.d.test": { MX: SEND_MX, TXT: [`v=spf1 ${OURS} ~all`], SPF: ["v=spf1 -all"] } },
    near: { "d.test": { ...GOOD_APEX, SPF: ["v=spf1 -all"] } },
  },

  "dkim.missing": { gives: `fail ${S1}`, zone: { [S1]: undefined }, near: { [S1]: txt(OTHER_KEY) } },
  "dkim.name-doubled": {
    gives: `fail ${S1}`,
    zone: { [S1]: undefined, [`${S1}.d.test`]: txt(KEY) },
    near: { [`${S1}.d.test`]: txt(KEY) },
  },
  "dkim.truncated": dkimRow("fail", [KEY.slice(0, 255)]),
  "dkim.multiple": dkimRow("fail", [KEY, OTHER_KEY]),
  "dkim.split-records": dkimRow("fail", [KEY.slice(0, 255), KEY.slice(255)], [[KEY.slice(0, 255), KEY.slice(255)]]),
  "dkim.mismatch": dkimRow("fail", [OTHER_KEY]),
  "dkim.revoked": dkimRow("fail", ["v=DKIM1; k=rsa; p="]),
  "dkim.escaped": dkimRow("fail", [KEY.replaceAll(";", "\\;")]),
  "dkim.syntax": dkimRow("fail", ["v=DKIM1; k=rsa"]),
  "dkim.weak-key": {
    gives: `warn ${S1}`,
    zone: { [S1]: txt(`v=DKIM1; k=rsa; p=${keys.RSA_1024}`) },
    near: { [S1]: txt(KEY) },
    sending: { selectors: [{ selector: "s1" }] },
  },
  "dkim.testing": dkimRow(
    "warn",
    [`v=DKIM1; k=rsa; t=y; p=${keys.RSA_2048}`],
    [`v=DKIM1; k=rsa; t=s; p=${keys.RSA_2048}`],
  ),
  "dkim.cname-broken": {
    gives: `fail ${S1}`,
    zone: { [S1]: { CNAME: ["s1.relay.test"] } },
    near: { [S1]: { CNAME: ["s1.relay.test"] }, "s1.relay.test": txt(KEY) },
  },

  "dmarc.missing": {
    gives: "fail _dmarc.d.test",
    zone: { "_dmarc.d.test": undefined },
    near: dmarcRow("", [], [`"${reject}"`]).near,
  },
  "dmarc.multiple": dmarcRow("fail", [reject, "v=DMARC1; p=none"], [reject, "v=spf1 -all"]),
  "dmarc.wrong-name": {
    gives: "fail _dmarc.d.test",
    zone: { "_dmarc.d.test": undefined, "dmarc.d.test": txt(reject) },
    near: { "dmarc.d.test": txt(reject) },
  },
  "dmarc.quotes": dmarcRow("fail", [`"${reject}"`], [reject]),
  "dmarc.syntax": dmarcRow("warn", [`${reject}; ruaa=x`], [`${reject}; np=reject`]),
  "dmarc.historic-tag": dmarcRow("warn", [`${reject}; pct=50`], [`${reject}; t=y; pct=50`]),
  "dmarc.rua-unauthorised": {
    gives: "warn d.test._report._dmarc.r.example",
    zone: { "_dmarc.d.test": txt("v=DMARC1; p=reject; rua=mailto:x@r.example") },
    near: {
      "_dmarc.d.test": txt("v=DMARC1; p=reject; rua=mailto:x@r.example"),
      "*._report._dmarc.r.example": txt("v=DMARC1"),
    },
  },
  "dmarc.no-rua": dmarcRow("warn", ["v=DMARC1; p=reject"], [reject]),
  "dmarc.none-forever": dmarcRow("warn", [`v=DMARC1; p=none; ${RUA}`], [`v=DMARC1; p=quarantine; t=y; ${RUA}`]),
  "dmarc.psl-only": {
    gives: "warn _dmarc.d.test",
    zone: { ...NEWS, "_dmarc.d.test": undefined },
    near: NEWS,
    sending: { domain: "news.d.test" },
  },

  // A domain that is checked signs as itself, so these two are about messages.
  "align.none": { gives: "fail d.test", zone: {}, near: {}, check: "message" },
  "align.spf-only": { gives: "warn d.test", zone: {}, near: {}, check: "message" },
  "align.strict": {
    gives: "warn d.test",
    zone: { "_dmarc.d.test": txt(`v=DMARC1; p=reject; aspf=s; ${RUA}`) },
    near: { "_dmarc.d.test": txt(`v=DMARC1; p=reject; adkim=s; ${RUA}`) },
  },
  "align.freemail": {
    gives: "fail gmail.com",
    zone: FREEMAIL,
    near: {},
    sending: { domain: "gmail.com" },
    nearSending: { domain: "gmail.com.d.test" },
  },

  "mx.missing": {
    gives: "fail send.d.test",
    zone: { "send.d.test": txt(`v=spf1 ${OURS} ~all`) },
    near: spf(`${OURS} ~all`),
  },
  "mx.cname": {
    gives: "warn d.test",
    zone: { "mail.d.test": { CNAME: ["host.test"] }, "host.test": a("192.0.2.2") },
    near: { "mail.d.test": a("192.0.2.2") },
  },
  "mx.ip": { gives: "fail d.test", zone: { "d.test": mx("192.0.2.2") }, near: { "d.test": mx("mail.d.test") } },
  "mx.null": { gives: "warn d.test", zone: { "d.test": mx(".") }, near: { "d.test": a("192.0.2.2") } },
  "mx.dangling": {
    gives: "fail d.test",
    zone: { "mail.d.test": undefined },
    near: { "mail.d.test": { AAAA: ["2001:db8::1"] } },
  },
  "mx.bounce-host": {
    gives: "fail send.d.test",
    zone: { "send.d.test": { ...mx("mail.d.test"), TXT: [`v=spf1 ${OURS} ~all`] } },
    near: { "send.d.test": { ...mx("BOUNCE.relay.test"), TXT: [`v=spf1 ${OURS} ~all`] } },
  },

  "dns.wildcard": {
    gives: `fail ${S1}`,
    zone: { [S1]: undefined, "*.d.test": txt("hello") },
    near: { "*.d.test": txt("hello") },
  },
  "dns.cname-and-other": {
    gives: "warn send.d.test",
    zone: {},
    near: { "v.test": GOOD["send.d.test"] },
    alias: "send.d.test",
  },
  "dns.proxied": { gives: `fail ${S1}`, zone: { [S1]: a("192.0.2.104") }, near: { [S1]: mx("mail.d.test") } },
  "dns.indeterminate": {
    gives: `indeterminate ${S1}`,
    zone: {},
    near: { [S1]: undefined },
    fails: failing("it answered with the code 2"),
  },
  "dns.disagree": {
    gives: `indeterminate ${S1}`,
    zone: {},
    near: {},
    fails: failing(`${DISAGREEMENT} about ${S1}`),
    nearFails: failing("it answered with the code 2"),
  },
  "dns.dnssec-bogus": {
    gives: `indeterminate ${S1}`,
    zone: {},
    near: {},
    fails: failing(`${BOGUS} at dns.test: a signature has expired`),
    nearFails: failing("dns.test refuses"),
  },
};

export const EVERY_CODE = { ...REQUIRED_CODES, ...EVERY_BONUS_CODE };
