import fc from "fast-check";
import { dmarc } from "mailauth/lib/dmarc";
import { describe, expect, test } from "vitest";
import { align, type Authenticated, type DmarcVerdict } from "#dns/align.ts";
import { SOME_SUFFIXES } from "../support/some-suffixes.ts";
import { txtText } from "#dns/resolver.ts";
import { resolverOf, type TxtZone } from "../support/txt-zone.ts";

/** `result organizational policy@domain mechanism:domain/mode=aligned …`, what is not known as `-`. */
const inWords = ({ result, organizationalDomain, policyDomain, policy, identifiers }: DmarcVerdict): string =>
  [
    result,
    organizationalDomain ?? "-",
    policyDomain === undefined ? "-" : `${policy ?? "-"}@${policyDomain}`,
    ...identifiers.map(({ mechanism, domain, mode, aligned }) => `${mechanism}:${domain}/${mode}=${aligned}`),
  ].join(" ");

const message = (from: string, spf: string | undefined, ...dkim: string[]): Authenticated => ({
  from,
  ...(spf !== undefined && { spf }),
  dkim,
});

const check = (title: string, zone: TxtZone, given: Authenticated, now: string, before: string = now): void => {
  test(title, async () => {
    const { rfc9989, rfc7489 } = await align(given, SOME_SUFFIXES, resolverOf(zone));
    expect(inWords(rfc9989)).toBe(now);
    expect(inWords(rfc7489)).toBe(before);
  });
};

const D: TxtZone = { "_dmarc.d.test": ["v=DMARC1; p=reject; sp=quarantine"] };

describe("relaxed", () => {
  check(
    "the same name",
    D,
    message("d.test", "d.test", "d.test"),
    "pass d.test reject@d.test spf:d.test/r=yes dkim:d.test/r=yes",
  );
  check("below", D, message("d.test", "send.d.test"), "pass d.test reject@d.test spf:send.d.test/r=yes");
  check("above", D, message("news.d.test", undefined, "d.test"), "pass d.test quarantine@d.test dkim:d.test/r=yes");
  check(
    "beside",
    D,
    message("news.d.test", undefined, "x.d.test"),
    "pass d.test quarantine@d.test dkim:x.d.test/r=yes",
  );
  check(
    "another's",
    D,
    message("d.test", "esp.test", "esp.test"),
    "fail d.test reject@d.test spf:esp.test/r=no dkim:esp.test/r=no",
  );
  check(
    "a longer name",
    D,
    message("d.test", undefined, "evil-d.test"),
    "fail d.test reject@d.test dkim:evil-d.test/r=no",
  );
  check(
    "one of several is enough",
    D,
    message("d.test", "esp.test", "esp.test", "d.test", "esp.test"),
    "pass d.test reject@d.test spf:esp.test/r=no dkim:esp.test/r=no dkim:d.test/r=yes",
  );
  check("nothing authenticated", D, message("d.test", undefined), "fail d.test reject@d.test");
});

describe("strict", () => {
  const S: TxtZone = { "_dmarc.d.test": ["v=DMARC1; p=none; aspf=s"] };
  check(
    "one mechanism only",
    S,
    message("d.test", "send.d.test", "x.d.test"),
    "pass d.test none@d.test spf:send.d.test/s=no dkim:x.d.test/r=yes",
  );
  check(
    "the same name",
    { "_dmarc.d.test": ["v=DMARC1; p=none; adkim=s"] },
    message("d.test", "x.d.test", "d.test", "x.d.test"),
    "pass d.test none@d.test spf:x.d.test/r=yes dkim:d.test/s=yes dkim:x.d.test/s=no",
  );
});

describe("where the editions differ", () => {
  check(
    "only the list makes one organization",
    { "_dmarc.news.d.test": ["v=DMARC1; p=none"] },
    message("news.d.test", undefined, "d.test"),
    "fail news.d.test none@news.d.test dkim:d.test/r=no",
    "pass d.test none@news.d.test dkim:d.test/r=yes",
  );
  check(
    "only the walk does",
    { "_dmarc.workers.dev": ["v=DMARC1; p=none"] },
    message("a.workers.dev", undefined, "b.workers.dev"),
    "pass workers.dev none@workers.dev dkim:b.workers.dev/r=yes",
    "none a.workers.dev - dkim:b.workers.dev/r=no",
  );
  check(
    "psd=n parts an organization",
    { ...D, "_dmarc.u.d.test": ["v=DMARC1; p=none; psd=n"] },
    message("d.test", undefined, "u.d.test"),
    "fail d.test reject@d.test dkim:u.d.test/r=no",
    "pass d.test reject@d.test dkim:u.d.test/r=yes",
  );
  check(
    "a public suffix's policy",
    { "_dmarc.test": ["v=DMARC1; p=reject; psd=y"] },
    message("d.test", undefined, "x.d.test"),
    "pass d.test reject@test dkim:x.d.test/r=yes",
    "none d.test - dkim:x.d.test/r=yes",
  );
  check(
    "np",
    { "_dmarc.d.test": ["v=DMARC1; p=none; np=reject"] },
    message("gone.d.test", undefined),
    "fail d.test reject@d.test",
    "fail d.test none@d.test",
  );
  check(
    "t",
    { "_dmarc.d.test": ["v=DMARC1; p=reject; t=y"] },
    message("d.test", undefined),
    "fail d.test quarantine@d.test",
    "fail d.test reject@d.test",
  );
  check(
    "records twice end the old search",
    { ...D, "_dmarc.x.d.test": ["v=DMARC1", "v=DMARC1"] },
    message("x.d.test", undefined, "d.test"),
    "pass d.test quarantine@d.test dkim:d.test/r=yes",
    "none d.test - dkim:d.test/r=yes",
  );
});

describe("no policy", () => {
  check(
    "no record",
    {},
    message("d.test", "send.d.test"),
    "none d.test - spf:send.d.test/r=no",
    "none d.test - spf:send.d.test/r=yes",
  );
  check(
    "one without a policy",
    { "_dmarc.d.test": ["v=DMARC1"] },
    message("d.test", "d.test"),
    "none d.test - spf:d.test/r=yes",
  );
});

describe("what could not be looked up is not known", () => {
  const ill = { fails: "servfail" } as const;
  check(
    "at the From",
    { "_dmarc.d.test": ill },
    message("d.test", "d.test", "x.d.test", "esp.example"),
    "unknown - - spf:d.test/r=yes dkim:x.d.test/r=unknown dkim:esp.example/r=no",
    "unknown d.test - spf:d.test/r=yes dkim:x.d.test/r=yes dkim:esp.example/r=no",
  );
  check(
    "at the From, of names beside it",
    { "_dmarc.d.test": ill },
    message("d.test", undefined, "esp.test"),
    "unknown - - dkim:esp.test/r=unknown",
    "unknown d.test - dkim:esp.test/r=no",
  );
  check(
    "above it",
    { ...D, "_dmarc.test": ill },
    message("d.test", undefined, "x.d.test"),
    "unknown - reject@d.test dkim:x.d.test/r=unknown",
    "pass d.test reject@d.test dkim:x.d.test/r=yes",
  );
  check(
    "above it, but the names are the same",
    { ...D, "_dmarc.test": ill },
    message("d.test", undefined, "d.test"),
    "pass - reject@d.test dkim:d.test/r=yes",
    "pass d.test reject@d.test dkim:d.test/r=yes",
  );
  check(
    "at the identifier",
    { ...D, "_dmarc.x.d.test": ill },
    message("d.test", undefined, "x.d.test"),
    "unknown d.test reject@d.test dkim:x.d.test/r=unknown",
    "pass d.test reject@d.test dkim:x.d.test/r=yes",
  );
  check(
    "whether the From exists",
    { "_dmarc.d.test": ["v=DMARC1; p=none; np=reject"], "x.d.test": ill },
    message("x.d.test", undefined),
    "fail d.test -@d.test",
    "fail d.test none@d.test",
  );
});

test("nothing is asked of names that can never align", async () => {
  const asked: string[] = [];
  await align(message("d.test", "evil-d.test", "esp.example"), SOME_SUFFIXES, resolverOf(D, asked));
  expect([...new Set(asked)]).toEqual(["_dmarc.d.test TXT", "_dmarc.test TXT"]);
});

test("mailauth agrees over random zones", async () => {
  const name = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
  const record = fc
    .record(
      {
        p: fc.constantFrom("none", "reject"),
        adkim: fc.constantFrom("r", "s"),
        aspf: fc.constantFrom("r", "s"),
        psd: fc.constantFrom("y", "n"),
      },
      { requiredKeys: ["p"] },
    )
    .map((tags) => ["v=DMARC1", ...Object.entries(tags).map(([tag, value]) => `${tag}=${value}`)].join("; "));
  const entry = fc.oneof(
    { weight: 8, arbitrary: fc.array(record, { minLength: 1, maxLength: 1 }) },
    fc.constant({ fails: "timeout" as const }),
  );
  const scene = fc.record({
    from: name,
    spf: name,
    dkim: fc.array(name, { maxLength: 2 }),
    zone: fc.dictionary(
      name.map((at) => `_dmarc.${at}`),
      entry,
      { maxKeys: 8 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(scene, async ({ from, spf, dkim, zone }) => {
      const resolve = resolverOf(zone);
      const verdict = await dmarc({
        headerFrom: [`user@${from}`],
        spfDomains: [spf],
        dkimDomains: dkim.map((domain) => ({ domain })),
        strict: true,
        resolver: async (at: string, type: string) => {
          const answer = await resolve(at, type === "TXT" ? "TXT" : "A");
          if (answer.kind === "records")
            return answer.records.map((data) => [typeof data === "string" ? data : txtText(data)]);
          throw Object.assign(new Error(answer.kind), { code: answer.kind === "timeout" ? "ETIMEOUT" : "ENOTFOUND" });
        },
      });
      const { rfc9989 } = await align({ from, spf, dkim }, SOME_SUFFIXES, resolve);
      const theirs = verdict && verdict.status.result;
      expect(rfc9989.result).toBe(theirs === "temperror" ? "unknown" : theirs);
    }),
    { numRuns: 1000 },
  );
});
