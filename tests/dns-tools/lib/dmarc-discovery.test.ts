/**
 * The tree walk, by vectors of our own (tests/vectors/dmarc-tree-walk.json), and against mailauth over those and over
 * random zones.
 */
import { createRequire } from "node:module";
import fc from "fast-check";
import { dmarc } from "mailauth/lib/dmarc";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { discoverPolicy, requestedPolicy, walkDomains, walkTree } from "#dns/dmarc-discovery.ts";
import { txtText, type Resolve } from "#dns/resolver.ts";
import { resolverOf, type TxtZone } from "../support/txt-zone.ts";

const Policy = z.union([
  z.enum(["none", "not-asked", "unknown"]),
  z.strictObject({
    from: z.enum(["domain", "organizational", "suffix"]),
    at: z.string(),
    tag: z.enum(["p", "sp", "np"]),
    policy: z.enum(["none", "quarantine", "reject"]),
  }),
]);
const Vector = z.strictObject({
  title: z.string(),
  domain: z.string(),
  /** TXT records by name; a name that is not there is NXDOMAIN. */
  zone: z.record(
    z.string(),
    z.union([
      z.array(z.string()),
      z.strictObject({ alias: z.string() }),
      z.strictObject({ fails: z.enum(["servfail", "timeout", "refused"]) }),
    ]),
  ),
  exists: z.boolean().optional(),
  /** How many names the walk took in. */
  walked: z.int(),
  organizational: z.string().nullable(),
  policy: Policy,
});
type Vector = z.infer<typeof Vector>;

const vectors = z.array(Vector).parse(createRequire(import.meta.url)("../../vectors/dmarc-tree-walk.json"));

const zoneOf = ({ zone, domain, exists }: Vector): TxtZone => (exists ? { ...zone, [domain]: [] } : zone);

const policyOf = async (domain: string, resolve: Resolve): Promise<z.infer<typeof Policy>> => {
  const discovery = await discoverPolicy(domain, resolve);
  if (discovery.kind !== "policy") return discovery.kind;
  const requested = await requestedPolicy(domain, discovery, resolve);
  if (requested.kind !== "policy") return requested.kind;
  return { from: discovery.from, at: discovery.policyDomain, tag: requested.tag, policy: requested.policy };
};

test("there are enough vectors", () => expect(vectors.length).toBeGreaterThanOrEqual(40));

describe("vector", () => {
  for (const vector of vectors)
    test(vector.title, async () => {
      const asked: string[] = [];
      const resolve = resolverOf(zoneOf(vector), asked);
      const { steps, organizationalDomain } = await walkTree(vector.domain, resolve);
      expect(asked.length).toBeLessThanOrEqual(8);
      expect(new Set(asked).size).toBe(asked.length);
      expect(steps.length).toBe(vector.walked);
      expect(organizationalDomain ?? null).toBe(vector.organizational);
      expect(await policyOf(vector.domain, resolve)).toEqual(vector.policy);
    });
});

describe("the names that are asked", () => {
  const check = (domain: string, ...expected: string[]): void => {
    test(domain, () => expect(walkDomains(domain)).toEqual(expected));
  };
  check("test", "test");
  check("example.test", "example.test", "test");
  check("a.b.c.d.e.f.g", "a.b.c.d.e.f.g", "b.c.d.e.f.g", "c.d.e.f.g", "d.e.f.g", "e.f.g", "f.g", "g");
  const seven = ["g.h.i.j.mail.example.test", "h.i.j.mail.example.test", "i.j.mail.example.test"];
  const rest = ["j.mail.example.test", "mail.example.test", "example.test", "test"];
  check("a.b.c.d.e.f.g.h.i.j.mail.example.test", "a.b.c.d.e.f.g.h.i.j.mail.example.test", ...seven, ...rest);
  check("f.g.h.i.j.mail.example.test", "f.g.h.i.j.mail.example.test", ...seven, ...rest);
});

test("each step tells what was found", async () => {
  const zone: TxtZone = {
    "_dmarc.f.e.d.c.b.a": ["v=DMARC1; p=none; p=none"],
    "_dmarc.e.d.c.b.a": ["v=DMARC1", "x", "v=DMARC1;"],
    "_dmarc.d.c.b.a": ["x", "y"],
    "_dmarc.c.b.a": { fails: "timeout" },
    "_dmarc.b.a": ["x", "v=DMARC1; x=1"],
  };
  const { steps } = await walkTree("f.e.d.c.b.a", resolverOf(zone));
  expect(steps.map(({ domain, name }) => `${domain} ${name}`)).toContain("d.c.b.a _dmarc.d.c.b.a");
  expect(steps.map(({ found }) => found)).toEqual([
    { kind: "malformed", text: "v=DMARC1; p=none; p=none", reason: "the tag `p` is there twice" },
    { kind: "several", texts: ["v=DMARC1", "v=DMARC1;"] },
    { kind: "none", texts: ["x", "y"] },
    { kind: "unknown", failure: "timeout", reason: "_dmarc.c.b.a is ill" },
    expect.objectContaining({
      kind: "record",
      text: "v=DMARC1; x=1",
      faults: [{ kind: "unknown-tag", tag: "x", value: "1" }],
    }),
    { kind: "none", texts: [] },
  ]);
});

test("an alias to a name that is not there exists", async () => {
  const zone: TxtZone = { "_dmarc.example.test": ["v=DMARC1; p=none; np=reject"] };
  const aliased = { ...zone, "mail.example.test": { alias: "gone.test" } };
  expect(await policyOf("mail.example.test", resolverOf(aliased))).toMatchObject({ tag: "p", policy: "none" });
  expect(await policyOf("mail.example.test", resolverOf(zone))).toMatchObject({ tag: "np", policy: "reject" });
});

test("names are asked at once, with the caller's signal", async () => {
  const { signal } = new AbortController();
  const waiting: (() => void)[] = [];
  const resolve: Resolve = async (_name, _type, given) => {
    expect(given).toBe(signal);
    await new Promise<void>((done) => waiting.push(done));
    return { kind: "nodata" };
  };
  const walk = walkTree("a.b.c.d", resolve, signal);
  expect(waiting.length).toBe(4);
  for (const done of waiting) done();
  expect((await walk).organizationalDomain).toBe("a.b.c.d");
});

/** What mailauth's strict mode says of mail that nothing authenticates. */
const byMailauth = async (domain: string, resolve: Resolve): Promise<unknown> => {
  const verdict = await dmarc({
    headerFrom: [`user@${domain}`],
    spfDomains: [],
    dkimDomains: [],
    strict: true,
    resolver: async (name: string, type: string) => {
      const answer = await resolve(name, type === "TXT" ? "TXT" : type === "CNAME" ? "CNAME" : "A");
      if (answer.kind === "records")
        return answer.records.map((record) => [typeof record === "string" ? record : txtText(record)]);
      const code = {
        nxdomain: "ENOTFOUND",
        nodata: "ENODATA",
        servfail: "ESERVFAIL",
        timeout: "ETIMEOUT",
        refused: "EREFUSED",
      };
      throw Object.assign(new Error(answer.kind), { code: code[answer.kind] });
    },
  });
  if (!verdict) throw new Error(`mailauth finds no domain in ${domain}`);
  const { result } = verdict.status;
  if (result === "temperror") return "unknown";
  if (result === "none") return { organizational: verdict.domain, policy: "none" };
  return { organizational: verdict.domain, at: verdict.policyDomain, policy: verdict.policy };
};

const byUs = async (domain: string, resolve: Resolve): Promise<unknown> => {
  const discovery = await discoverPolicy(domain, resolve);
  const policy = await policyOf(domain, resolve);
  if (policy === "unknown") return "unknown";
  const { organizationalDomain } = discovery.walk;
  if (typeof policy === "string") return { organizational: organizationalDomain ?? domain, policy: "none" };
  return { organizational: organizationalDomain ?? domain, at: policy.at, policy: policy.policy };
};

describe("mailauth agrees", () => {
  for (const vector of vectors)
    test(vector.title, async () => {
      const resolve = resolverOf(zoneOf(vector));
      expect(await byUs(vector.domain, resolve)).toEqual(await byMailauth(vector.domain, resolve));
    });

  test("over random zones", async () => {
    const label = fc.constantFrom("a", "b");
    const policy = fc.constantFrom("none", "quarantine", "reject", "monitor");
    const record = fc
      .record(
        {
          p: policy,
          sp: policy,
          np: policy,
          psd: fc.constantFrom("y", "n", "u"),
          t: fc.constantFrom("y", "n"),
          rua: fc.constant("mailto:a@b.test"),
        },
        { requiredKeys: [] },
      )
      .map((tags) => ["v=DMARC1", ...Object.entries(tags).map(([name, value]) => `${name}=${value}`)].join("; "));
    const entry = fc.oneof(
      { weight: 4, arbitrary: fc.array(record, { minLength: 1, maxLength: 1 }) },
      fc.array(fc.oneof(record, fc.constantFrom("x", "v=DMARC1; p=none; p=none", "v=dmarc1")), { maxLength: 3 }),
      fc.constant({ fails: "timeout" as const }),
    );
    const scene = fc.array(label, { minLength: 1, maxLength: 11 }).chain((labels) => {
      const domain = labels.join(".");
      const names = labels.map((_, at) => `_dmarc.${labels.slice(at).join(".")}`);
      return fc.record({
        domain: fc.constant(domain),
        zone: fc.dictionary(fc.constantFrom(...names, domain), entry, { maxKeys: 4 }),
      });
    });
    await fc.assert(
      fc.asyncProperty(scene, async ({ domain, zone }) => {
        const resolve = resolverOf(zone);
        expect(await byUs(domain, resolve)).toEqual(await byMailauth(domain, resolve));
      }),
      { numRuns: 1000 },
    );
  });
});
