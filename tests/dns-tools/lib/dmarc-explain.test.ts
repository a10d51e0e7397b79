import { expect, test } from "vitest";
import { discoverPolicy } from "#dns/dmarc-discovery.ts";
import { explainDiscovery, explainRecord } from "#dns/dmarc-explain.ts";
import { parseDmarc } from "#dns/dmarc.ts";
import { resolverOf, type TxtZone } from "../support/txt-zone.ts";

const explain = async (domain: string, zone: TxtZone): Promise<string[]> =>
  explainDiscovery(await discoverPolicy(domain, resolverOf(zone)));

test("a walk, step by step", async () => {
  expect(
    await explain("a.b.c.d.e.f.g.h.mail.d.test", {
      "_dmarc.e.f.g.h.mail.d.test": ["v=DMARC1", "v=DMARC1"],
      "_dmarc.f.g.h.mail.d.test": ["x"],
      "_dmarc.g.h.mail.d.test": ["v=DMARC1; p=none; p=none"],
      "_dmarc.d.test": ["v=DMARC1; p=reject; psd=n"],
      "_dmarc.test": ["v=DMARC1"],
    }),
  ).toEqual([
    "_dmarc.a.b.c.d.e.f.g.h.mail.d.test: no record.",
    "_dmarc.e.f.g.h.mail.d.test (from 11 labels down to 7): 2 DMARC records, all discarded.",
    "_dmarc.f.g.h.mail.d.test: other TXT records, none of DMARC.",
    "_dmarc.g.h.mail.d.test: a record that is discarded, because the tag `p` is there twice.",
    "_dmarc.h.mail.d.test: no record.",
    "_dmarc.mail.d.test: no record.",
    "_dmarc.d.test: `v=DMARC1; p=reject; psd=n`. psd=n ends the walk.",
    "The Organizational Domain is d.test.",
    "The policy for a.b.c.d.e.f.g.h.mail.d.test is in the record of its Organizational Domain, d.test.",
  ]);
});

test("a record without psd lets the walk go on", async () => {
  expect(await explain("d.test", { "_dmarc.d.test": ["v=DMARC1; p=none"] })).toEqual([
    "_dmarc.d.test: `v=DMARC1; p=none`.",
    "_dmarc.test: no record.",
    "The Organizational Domain is d.test.",
    "The policy for d.test is in the record of the domain itself, d.test.",
  ]);
});

test("how a walk ends", async () => {
  const last = async (domain: string, zone: TxtZone): Promise<string | undefined> =>
    (await explain(domain, zone)).at(-1);
  expect(await last("d.test", {})).toBe("No policy applies to d.test.");
  expect(await last("d.test", { "_dmarc.d.test": ["v=DMARC1; p=none"] })).toContain("the domain itself, d.test");
  expect(await last("d.test", { "_dmarc.test": ["v=DMARC1; psd=y"] })).toContain("the public suffix above it, test");
  expect((await explain("d.test", { "_dmarc.d.test": { fails: "timeout" } })).slice(0, 1)).toEqual([
    "_dmarc.d.test: could not be looked up (_dmarc.d.test is ill).",
  ]);
  expect((await explain("d.test", { "_dmarc.d.test": { fails: "timeout" } })).slice(-2)).toEqual([
    "The Organizational Domain is not known: a look-up failed that could have decided it.",
    "Which policy applies to d.test is not known.",
  ]);
});

const meanings = (text: string): Record<string, string> => {
  const parsed = parseDmarc(text);
  if (parsed.kind !== "record") throw new Error(`${text} is no record`);
  return Object.fromEntries(explainRecord(parsed.record).map(({ tag, meaning }) => [tag, meaning]));
};

test("what each tag means", () => {
  expect(meanings("v=DMARC1; p=reject; np=none; aspf=s; t=y; pct=5; x=y; rua=mailto:a@d.test,mailto:b@d.test")).toEqual(
    {
      p: "Mail from the domain that fails: refuse it, for now only: treat it as suspicious.",
      sp: "Mail from subdomains that fails: refuse it, for now only: treat it as suspicious.",
      np: "Mail from subdomains that do not exist: nothing is asked.",
      adkim: "A DKIM signature counts for the same organization.",
      aspf: "SPF counts for the very same name only.",
      psd: "The tree walk finds out whose the domain is.",
      rua: "Daily reports go to mailto:a@d.test, mailto:b@d.test.",
      ruf: "Nobody gets reports of single failures.",
      pct: "Taken out by RFC 9989; some receivers still heed it.",
      x: "Unknown, and passed over.",
    },
  );
  expect(meanings("v=DMARC1; sp=quarantine; psd=y; ruf=mailto:a@d.test; fo=1:d")).toMatchObject({
    p: "No policy: none, if there is a rua.",
    sp: "Mail from subdomains that fails: treat it as suspicious.",
    np: "Mail from subdomains that do not exist: treat it as suspicious.",
    psd: "The domain is a public suffix: the names below it belong to others.",
    rua: "Nobody gets daily reports.",
    ruf: "Reports of single failures go to mailto:a@d.test.",
    fo: "Single failures are reported if anything does not pass aligned, or a DKIM signature fails.",
  });
  expect(meanings("v=DMARC1; p=none; ruf=mailto:a@d.test")).toMatchObject({
    fo: "Single failures are reported if nothing aligned passes.",
  });
});
