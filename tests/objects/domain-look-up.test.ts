/** The gateway's resolvers: what two of them have to agree on, and who is asked when one is down. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { decode, encode } from "dns-packet";
import type { SendingDomain } from "#dns/sending-domain.ts";
import { lookUpDomain } from "../../gateway/objects/domain-look-up.ts";

const SENDING: SendingDomain = {
  domain: "d.test",
  returnPath: "send.d.test",
  selectors: [],
  includes: ["relay.test"],
  addresses: [],
};

/** The SPF record that each resolver has for the return-path; "down": it does not answer. */
let records: Record<string, string>;
let asked: Set<string>;

beforeEach(() => {
  asked = new Set();
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
    const { host } = new URL(new Request(url).url);
    asked.add(host);
    const record = records[host] ?? "down";
    if (record === "down" || !(init?.body instanceof Uint8Array)) return new Response(null, { status: 503 });
    const { id = 0, questions = [] } = decode(Buffer.from(init.body));
    const [question] = questions;
    const texts: Record<string, string> = { "send.d.test": record, "relay.test": "v=spf1 ip4:192.0.2.0/28 -all" };
    const text = question?.type === "TXT" ? texts[question.name] : undefined;
    const answers =
      text === undefined ? [] : [{ type: "TXT", name: question?.name ?? "", ttl: 60, data: text } as const];
    const bytes = encode({ type: "response", id, flags: 0x8180 | (text === undefined ? 3 : 0), questions, answers });
    return new Response(new Uint8Array(bytes), { headers: { "content-type": "application/dns-message" } });
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const OURS = "v=spf1 include:relay.test ~all";
const NOT_OURS = "v=spf1 -all";

const check = (title: string, urls: string, zones: Record<string, string>, expected: string, hosts: string): void => {
  test(title, async () => {
    records = zones;
    const findings = await lookUpDomain(SENDING, urls);
    const spf = findings.filter(({ code, rfc }) => code.startsWith("spf.") || rfc.startsWith("RFC 7208"));
    const trouble = spf.filter(({ status }) => status !== "pass").map(({ status, code }) => `${status} ${code}`);
    expect(trouble.join()).toBe(expected);
    expect([...asked].toSorted().join()).toBe(hosts);
  });
};

check("one resolver", "https://a.test/q", { "a.test": OURS }, "", "a.test");
check("one that is down", "https://a.test/q", {}, "indeterminate dns.indeterminate", "a.test");
check("one that is named twice is one", "https://a.test/q, https://a.test/q,", { "a.test": OURS }, "", "a.test");
const TWO = "https://a.test/q, https://b.test/q";
check("two that agree", TWO, { "a.test": OURS, "b.test": OURS }, "", "a.test,b.test");
check(
  "two that agree on a fault",
  TWO,
  { "a.test": NOT_OURS, "b.test": NOT_OURS },
  "fail spf.not-authorised",
  "a.test,b.test",
);
check("two that do not", TWO, { "a.test": OURS, "b.test": NOT_OURS }, "indeterminate dns.disagree", "a.test,b.test");
check("one of two is down", TWO, { "a.test": OURS }, "indeterminate dns.indeterminate", "a.test,b.test");
const THREE = `${TWO},https://c.test/q`;
check("the third stands by", THREE, { "a.test": OURS, "b.test": OURS, "c.test": NOT_OURS }, "", "a.test,b.test");
check("and answers for one that is down", THREE, { "a.test": OURS, "c.test": OURS }, "", "a.test,b.test,c.test");
check("but not for both", THREE, { "c.test": OURS }, "indeterminate dns.indeterminate", "a.test,b.test,c.test");
check(
  "nor can it lie",
  THREE,
  { "a.test": NOT_OURS, "c.test": OURS },
  "indeterminate dns.disagree",
  "a.test,b.test,c.test",
);

test("of two, which one is down, what the other has and what to do is told", async () => {
  records = { "a.test": OURS };
  const findings = await lookUpDomain(SENDING, TWO);
  expect(findings.find(({ name }) => name === "send.d.test")?.text).toMatch(
    /two resolvers have to agree: b\.test answered with HTTP status 503; the other alone says: send\.d\.test TXT "v=spf1 include:relay\.test ~all"\); it may be right\. Check again later; with one more resolver set/,
  );
});

check(
  "whoever lets our addresses pass by other words",
  "https://a.test/q",
  { "a.test": "v=spf1 ip4:192.0.2.0/24 -all" },
  "",
  "a.test",
);
check(
  "but not somebody else's",
  "https://a.test/q",
  { "a.test": "v=spf1 ip4:198.51.100.0/24 -all" },
  "fail spf.not-authorised",
  "a.test",
);
