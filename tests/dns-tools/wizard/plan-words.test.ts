/**
 * The plan in the words of the DNS host: its fields, its console, names as its zone wants them.
 */
import { expect, test } from "vitest";
import type { RecordedZone } from "../../../dns-tools/resolvers/recorded.ts";
import { ANSWERS, answer, BARE, hostedAt, page } from "./scene.ts";

const labels = (html: string): string[] =>
  [...new Set(Array.from(html.matchAll(/<dt>([^<]*)<\/dt>/g), ([, label = ""]) => label))].toSorted();

test("a host that is known is named, linked and spoken like", async () => {
  const html = await page(hostedAt("ns-1.awsdns-01.org", "ns-2.awsdns-02.com"), `/plan?${ANSWERS}`);
  expect(labels(html)).toEqual(["Record name", "TTL", "Type", "Value"]);
  expect(html).toContain("d.test is at Amazon Route 53");
  expect(html).toMatch(/href="https:\/\/aws\.amazon\.com\/console\/" rel="noreferrer"/);
  expect(html).toContain("<code>10 bounce.relay.test</code>");
  expect(html).toMatch(/<code>&quot;v=DKIM1; k=rsa; p=[^&]*&quot; &quot;[^&]*&quot;<\/code>/);
});

test("one that is not has generic words", async () => {
  for (const zone of [BARE, hostedAt("ns1.d.test"), hostedAt("ns01.domaincontrol.com", "ns1.d.test")]) {
    const html = await page(zone, `/plan?${ANSWERS}`);
    expect(labels(html)).toEqual(["Name", "Priority", "TTL", "Type", "Value"]);
    expect(html).toContain("@ for the zone itself");
    expect(html).not.toMatch(/href="https:/);
  }
});

test("names are relative to the zone that holds them", async () => {
  const zone = hostedAt("ns01.domaincontrol.com");
  const html = await page(zone, `/plan?${ANSWERS.replace("domain=d.test", "domain=news.d.test")}`);
  expect(html).toContain("<code>s1._domainkey.news</code>");
  expect(html).toContain("d.test is at GoDaddy, which adds d.test to each name itself");
});

test("the twin says the same, and a zone that could not be found out is no host", async () => {
  const zoneIn = async (zone: RecordedZone): Promise<unknown> => {
    const json: unknown = await (await answer(zone, `/plan.json?${ANSWERS}`)).json();
    return typeof json === "object" && json !== null && "zone" in json ? json.zone : undefined;
  };
  expect(await zoneIn(hostedAt("ns1.vultr.com"))).toEqual({
    ...{ kind: "zone", apex: "d.test", name_servers: ["ns1.vultr.com"] },
    ...{ host: "Vultr", console: "https://my.vultr.com/dns/" },
  });
  expect(await zoneIn(BARE)).toEqual({ kind: "none" });
  expect(await zoneIn({ ...BARE, "d.test": "servfail" })).toMatchObject({ kind: "unknown" });
});
