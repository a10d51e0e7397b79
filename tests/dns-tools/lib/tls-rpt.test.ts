/** TLS-RPT records read, and each code with a zone that gives exactly it, and near misses. */
import { describe, expect, test } from "vitest";
import { parseTlsRpt, tlsRptFindings } from "#dns/tls-rpt.ts";
import { resolverOf, type TxtEntry } from "../support/txt-zone.ts";

const MAIL = "mailto:tls@d.test";

describe("records", () => {
  const check = (text: string, expected: string[] | string): void =>
    test(text.slice(0, 80), () => {
      const parsed = parseTlsRpt(text);
      if (Array.isArray(expected)) expect(parsed).toEqual({ kind: "record", rua: expected });
      else expect(parsed.kind === "malformed" && parsed.reason).toContain(expected);
    });
  check(`v=TLSRPTv1;rua=${MAIL}`, [MAIL]);
  check(`v=TLSRPTv1; rua=${MAIL};`, [MAIL]);
  check(`v=TLSRPTv1; rua=${MAIL} , https://r.test/in?a=b; ext=1`, [MAIL, "https://r.test/in?a=b"]);
  check("v=TLSRPTv1; rua=mailto:tls@d.test?subject=x", ["mailto:tls@d.test?subject=x"]);
  check("v=TLSRPTv1;", "no `rua=`");
  check("v=TLSRPTv1; rua=", "`rua=` is not name=value");
  check("v=TLSRPTv1; rua=tls@d.test", "`tls@d.test` in its rua is neither");
  check(`v=TLSRPTv1; rua=${MAIL},`, "`` in its rua is neither");
  check("v=TLSRPTv1; rua=http://r.test/", "neither a mailto: address nor an https: URL");
  check("v=TLSRPTv1; rua=mailto:tls", "neither");
  check("v=TLSRPTv1; rua=mailto:tls@d..test", "neither");
  check("v=TLSRPTv1; rua=mailto:tls@d.test!10m", "neither");
  check("v=TLSRPTv1; rua=https://r.test/!10m", "neither");
  check("v=TLSRPTv1; rua=https://", "neither");
  check(`v=TLSRPTv1; rua=${MAIL} ${MAIL}`, "neither");
  check(`v=TLSRPTv1 rua=${MAIL}`, "does not begin with");
});

const check = (title: string, entry: TxtEntry | undefined, expected: string, says = ""): void => {
  test(title, async () => {
    const zone = entry === undefined ? {} : { "_smtp._tls.d.test": entry };
    const findings = await tlsRptFindings("d.test", resolverOf(zone));
    expect(findings.map(({ code, status }) => `${code} ${status}`).join(", ")).toBe(expected);
    if (findings[0])
      expect(findings[0]).toMatchObject({ name: "_smtp._tls.d.test", text: expect.stringContaining(says) });
    for (const { evidence } of findings) expect(evidence.length).toBeGreaterThan(0);
  });
};
const RECORD = `v=TLSRPTv1; rua=${MAIL}`;
const PASS = "tls-rpt.missing pass";

describe("findings", () => {
  check("right", [RECORD], PASS, `Senders report to ${MAIL}`);
  check("right beside other texts", ["x", RECORD, "v=spf1 -all"], PASS);
  check("not there", undefined, "");
  check("a text for something else", ["v=spf1 -all"], "");
  check("two", [RECORD, RECORD], "tls-rpt.multiple warn", "has 2 TLS-RPT records, so senders report nothing");
  check("one, and one that is skipped", [RECORD, "v=TLSRPTv2; rua=x"], PASS);
  check(
    "without an address",
    ["v=TLSRPTv1;"],
    "tls-rpt.syntax warn",
    "for it has no `rua=`, so senders report nothing",
  );
  check("without the semicolon", [`v=TLSRPTv1 rua=${MAIL}`], "tls-rpt.syntax warn", "begin with `v=TLSRPTv1;`");
  check("in quotes", [`"${RECORD}"`], "tls-rpt.syntax warn");
  check("a very long text", [`v=TLSRPT ${"x".repeat(60_000)}`], "");
  check("not to be found out", { fails: "servfail" }, "dns.indeterminate indeterminate");
});
