/** Policies and records of MTA-STS: read as RFC 8461 has them, and nothing else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatMtaStsPolicy,
  LARGEST_POLICY_OCTETS,
  LONGEST_MAX_AGE_SECONDS,
  mtaStsRecord,
  mxPatternMatches,
  parseMtaStsPolicy,
  parseMtaStsRecord,
  policyId,
  type MtaStsPolicy,
  type MtaStsPolicyProblem,
} from "#dns/mta-sts.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const POLICY: MtaStsPolicy = { mode: "enforce", mx: ["mail.d.test", "*.d.test"], maxAgeSeconds: 604_800 };
/** As it stands in RFC 8461 §3.2. */
const RFC =
  "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800";

const file = (...lines: string[]): string => lines.join("\n");
const policy = (...lines: string[]): string => file("version: STSv1", "mode: enforce", "max_age: 604800", ...lines);

describe("policies", () => {
  test("the one of the RFC", () => {
    expect(parseMtaStsPolicy(RFC)).toEqual({
      kind: "policy",
      policy: {
        mode: "enforce",
        mx: ["mail.example.com", "*.example.net", "backupmx.example.com"],
        maxAgeSeconds: 604_800,
      },
      unknownKeys: [],
    });
  });

  test("are written with CRLF, and read back as they were", () => {
    expect(formatMtaStsPolicy(POLICY)).toBe(
      "version: STSv1\r\nmode: enforce\r\nmx: mail.d.test\r\nmx: *.d.test\r\nmax_age: 604800\r\n",
    );
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
    const host = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
    const mx = fc.tuple(fc.constantFrom("", "*."), host).map((parts) => parts.join(""));
    const policies = fc.record({
      mode: fc.constantFrom("none" as const, "testing" as const, "enforce" as const),
      mx: fc.array(mx, { minLength: 1, maxLength: 5 }),
      maxAgeSeconds: fc.integer({ min: 0, max: LONGEST_MAX_AGE_SECONDS }),
    });
    fc.assert(
      fc.property(policies, (policy) => {
        expect(parseMtaStsPolicy(formatMtaStsPolicy(policy))).toEqual({ kind: "policy", policy, unknownKeys: [] });
      }),
    );
  });

  const good = (title: string, text: string, expected: Partial<MtaStsPolicy>, unknownKeys: string[] = []): void =>
    test(title, () => {
      expect(parseMtaStsPolicy(text)).toEqual({
        kind: "policy",
        policy: { mode: "enforce", mx: ["a.test"], maxAgeSeconds: 604_800, ...expected },
        unknownKeys,
      });
    });
  good(
    "in any order, with any space behind the colon and the value",
    "mx:a.test\nmode:  enforce \t\r\nmax_age:\t604800\nversion:STSv1",
    {},
  );
  good("hosts in capitals", policy("mx: A.Test"), {});
  good("without an mx, where the mode is none", file("version: STSv1", "mode: none", "max_age: 0"), {
    mode: "none",
    mx: [],
    maxAgeSeconds: 0,
  });
  good("of a field that is there twice, the first", policy("mx: a.test", "mode: none", "max_age: x", "version: 2"), {});
  good("fields that nobody knows", policy("mx: a.test", "nmx: b.test", "x-1.y: ü z", "nmx: c"), {}, ["nmx", "x-1.y"]);
  good("the longest max_age", file("version: STSv1", "mode: testing", "max_age: 31557600", "mx: a.test"), {
    mode: "testing",
    maxAgeSeconds: 31_557_600,
  });

  const bad = (title: string, text: string, problem: MtaStsPolicyProblem, reason = ""): void =>
    test(`${problem}: ${title}`, () => {
      const parsed = parseMtaStsPolicy(text);
      expect(parsed).toMatchObject({ kind: "invalid", problem });
      expect(parsed.kind === "invalid" && parsed.reason).toContain(reason);
    });
  bad("nothing", "", "not-key-value", "line 1");
  bad("a web page", "<!DOCTYPE html>\n<html></html>", "not-key-value", "`<!DOCTYPE html>`");
  bad("an empty line", policy("", "mx: a.test"), "not-key-value", "line 4");
  bad("two line ends at the end", policy("mx: a.test", "", ""), "not-key-value", "line 5");
  bad("a space before the key", policy(" mx: a.test"), "not-key-value");
  bad("a space before the colon", policy("mx : a.test"), "not-key-value");
  bad("no value", policy("mx:"), "not-key-value");
  bad("a control character", policy("mx: a.test", "x: a\u0000b"), "not-key-value");
  bad("a byte order mark", `\u{FEFF}${RFC}`, "not-key-value");
  bad("a key that is too long", policy("mx: a.test", `${"k".repeat(33)}: v`), "not-key-value");
  bad("none", file("mode: enforce", "max_age: 1", "mx: a.test"), "version");
  bad("another", file("version: STSv2", "mode: enforce", "max_age: 1", "mx: a.test"), "version");
  bad("in other letters", file("Version: STSv1", "mode: enforce", "max_age: 1", "mx: a.test"), "version");
  bad("none", file("version: STSv1", "max_age: 1", "mx: a.test"), "mode");
  bad("in capitals", file("version: STSv1", "mode: Enforce", "max_age: 1", "mx: a.test"), "mode");
  bad("none", policy(), "mx", "names no mx");
  bad("a slip", policy("nmx: a.test"), "mx", "names no mx");
  bad("an underscore", policy("mx: a.test", "mx: _a.test"), "mx", "`mx: _a.test`");
  bad("a wildcard inside", policy("mx: mx*.a.test"), "mx");
  bad("two in one", policy("mx: a.test, b.test"), "mx");
  bad("a dot at the end", policy("mx: a.test."), "mx");
  bad("a label that is too long", policy(`mx: ${"a".repeat(64)}.test`), "mx");
  bad("a name that is too long", policy(`mx: ${"a.".repeat(127)}test`), "mx");
  bad("none", file("version: STSv1", "mode: enforce", "mx: a.test"), "max-age");
  bad("a fraction", file("version: STSv1", "mode: enforce", "mx: a.test", "max_age: 1.5"), "max-age");
  bad("a year and a second", file("version: STSv1", "mode: enforce", "mx: a.test", "max_age: 31557601"), "max-age");
  const filler = (octets: number): string => policy("mx: a.test", `x: ${"x".repeat(octets)}`);
  const mostOctets = LARGEST_POLICY_OCTETS - filler(0).length;
  good("as large as it may be", filler(mostOctets), {}, ["x"]);
  bad("an octet more", filler(mostOctets + 1), "too-large", "64 KB");
  bad("large by its octets, not its letters", filler(0) + "ü".repeat(mostOctets / 2 + 1), "too-large");

  test("a file made to cost time costs none", () => {
    for (const hostile of ["mx: a.test\n".repeat(5900), ` ${"\t ".repeat(32_000)}x`, `x:${" ".repeat(65_000)}`]) {
      const fromMs = cpuMs();
      parseMtaStsPolicy(hostile);
      expect(cpuMs() - fromMs).toBeLessThan(500);
    }
  });
});

describe("hosts that a policy names", () => {
  const check = (pattern: string, host: string, expected: boolean): void =>
    test(`${pattern} and ${host}`, () => expect(mxPatternMatches(pattern, host)).toBe(expected));
  check("mail.d.test", "Mail.D.test", true);
  check("mail.d.test", "x.mail.d.test", false);
  check("*.d.test", "mail.d.test", true);
  check("*.D.test", "mail.d.test", true);
  check("*.d.test", "a.mail.d.test", false);
  check("*.d.test", "d.test", false);
  check("*.d.test", ".d.test", false);
  check("*.d.test", "maild.test", false);
});

describe("records", () => {
  const check = (text: string, expected: string | { reason: string }): void =>
    test(text.slice(0, 80), () => {
      const parsed = parseMtaStsRecord(text);
      if (typeof expected === "string") expect(parsed).toEqual({ kind: "record", id: expected });
      else {
        expect(parsed).toMatchObject({ kind: "malformed" });
        expect(parsed.kind === "malformed" && parsed.reason).toContain(expected.reason);
      }
    });
  check("v=STSv1; id=20160831085700Z;", "20160831085700Z");
  check("v=STSv1;id=1", "1");
  check("v=STSv1; \t id=1 \t ; x-y.z=1!", "1");
  check("v=STSv1; id=1; id=!!", "1");
  check(`v=STSv1; id=${"a".repeat(32)};`, "a".repeat(32));
  check(`v=STSv1; id=${"a".repeat(33)};`, { reason: "1 to 32 letters and digits" });
  check("v=STSv1; id=2016-08-31;", { reason: "1 to 32 letters and digits" });
  check("v=STSv1;", { reason: "no `id=`" });
  check("v=STSv1; ID=1", { reason: "no `id=`" });
  check("v=STSv1; id=;", { reason: "`id=` is not name=value" });
  check("v=STSv1; id = 1;", { reason: "`id = 1` is not name=value" });
  check("v=STSv1; id=1;; x=1", { reason: "`` is not name=value" });
  check("v=STSv1; id=1; ü=1", { reason: "not ASCII" });
  check("v=STSv1 ; id=1", { reason: "does not begin with" });
  check("v=stsv1; id=1", { reason: "does not begin with" });
  check("", { reason: "does not begin with" });

  test("the one for an id is read back", () => {
    expect(mtaStsRecord("a1")).toBe("v=STSv1; id=a1");
    expect(parseMtaStsRecord(mtaStsRecord("a1"))).toEqual({ kind: "record", id: "a1" });
  });

  test("an id is the policy's, and fits into a record", async () => {
    const id = await policyId(formatMtaStsPolicy(POLICY));
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(await policyId(formatMtaStsPolicy(POLICY))).toBe(id);
    expect(await policyId(formatMtaStsPolicy({ ...POLICY, mode: "testing" }))).not.toBe(id);
    expect(await policyId("")).toBe("e3b0c44298fc1c149afbf4c8996fb924");
  });
});
