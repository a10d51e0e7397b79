/**
 * RFC 7208 by its public suite, which lies beside the repository: mailauth evaluates through our port as it says, and
 * our parser takes exactly the records that it calls records.
 */
import { existsSync, readFileSync } from "node:fs";
import { spf } from "mailauth/lib/spf/index.js";
import { describe, expect, test } from "vitest";
import { isSpf, parseSpf } from "#dns/spf.ts";
import { mailauthResolver } from "./support/mailauth-resolver.ts";
import { vectorPath } from "./support/public-vectors.ts";
import { parseSuite, suiteResolver, suiteTexts, type SuiteZone } from "./support/spf-suite.ts";

const SUITE = process.env["HIKYAKU_SPF_SUITE"] ?? vectorPath("spf/rfc7208-tests.yml");
const isThere = existsSync(SUITE);
if (!isThere) console.log(`skipped: the RFC 7208 suite is not at ${SUITE}`);
const scenarios = isThere ? parseSuite(readFileSync(SUITE, "utf8")) : [];

/** Tests whose permerror is not the syntax of the record at the sender's domain. */
const PERMERROR_BY_MEANING = new Set(
  `multitxt1 multitxt2 multispf1 include-permerror include-none redirect-none redirect-loop include-loop
  mx-limit mech-over-limit include-over-limit void-over-limit`.split(/\s+/),
);

const textAt = (zone: SuiteZone, mailfrom: string, helo: string): string | undefined => {
  const domain = mailfrom === "" ? helo : mailfrom.slice(mailfrom.lastIndexOf("@") + 1);
  return suiteTexts(zone.get(domain.toLowerCase()) ?? []).find(isSpf);
};

describe.skipIf(!isThere)("the RFC 7208 suite", () => {
  test("is all there", () => {
    expect(scenarios.length).toBe(16);
    expect(scenarios.flatMap(({ tests }) => tests).length).toBe(203);
  });

  for (const { tests, zone } of scenarios)
    for (const { name, helo, host, mailfrom, results } of tests)
      test(name, async () => {
        const resolver = mailauthResolver(suiteResolver(zone));
        const { status } = await spf({ sender: mailfrom, ip: host, helo, mta: "mta.test", resolver, strict: true });
        expect(results).toContain(status.result);
      });

  test("what it calls a syntax error we do too, and nothing else", () => {
    const malformed = new Set<string>();
    let tested = 0;
    for (const { tests, zone } of scenarios)
      for (const { name, mailfrom, helo, results } of tests) {
        const text = textAt(zone, mailfrom, helo);
        if (text === undefined) continue;
        tested++;
        const isWrong = results[0] === "permerror" && !PERMERROR_BY_MEANING.has(name);
        if (isWrong) malformed.add(text);
        expect(parseSpf(text).kind, `${name}: ${text}`).toBe(isWrong ? "malformed" : "record");
      }
    expect(tested).toBeGreaterThan(180);
    expect(malformed.size).toBeGreaterThan(50);
    // Records that no test begins at, but that others lead to.
    for (const { zone } of scenarios)
      for (const text of [...zone.values()].flatMap(suiteTexts).filter(isSpf))
        if (!malformed.has(text)) expect(parseSpf(text).kind, text).toBe("record");
  });
});
