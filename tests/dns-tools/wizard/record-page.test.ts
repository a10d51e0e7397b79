/** A record's text explained on the page, and why it would be discarded. */
import { expect, test } from "vitest";
import { answer, BARE, page } from "./scene.ts";

const at = (text: string, path = "/explain"): string => `${path}?${new URLSearchParams({ record: text }).toString()}`;

test("SPF, DMARC and DKIM, each in its words", async () => {
  const spf = await page(BARE, at("v=spf1 include:spf.relay.test a -all"));
  expect(spf).toContain("2 of 10 look-ups");
  expect(spf).toMatch(/<code>this record<\/code> has these terms:/);
  expect(spf).toMatch(/<code>spf\.relay\.test<\/code> has this record:/);
  expect(await page(BARE, at("v=DMARC1; p=reject"))).toContain("Mail from the domain that fails: refuse it.");
  expect(await page(BARE, at("v=DKIM1; p="))).toContain("the key was revoked");
  const json = await answer(BARE, at("v=spf1 -all", "/explain.json"));
  expect(await json.json()).toMatchObject({ text: "v=spf1 -all", explained: { kind: "spf", spf: { lookups: 0 } } });
});

test("one that receivers discard, and what is none", async () => {
  const broken = await page(BARE, at("v=spf1 ip4:<b> -all"));
  expect(broken).toMatch(/Receivers discard this record, because it is wrong at <code>ip4:&lt;b&gt;<\/code>/);
  const none = await answer(BARE, at("hello"));
  expect(none.status).toBe(400);
  expect(await none.text()).toContain("This is none");
  expect(await page(BARE, at(""))).not.toContain("This is none");
});

test("one typed for a domain is explained where explaining was asked for", async () => {
  expect(await page(BARE, `/explain?${new URLSearchParams({ domain: "v=DMARC1; p=none" }).toString()}`)).toContain(
    "A record explained",
  );
  expect(await page(BARE, "/explain?domain=d.test")).toContain('href="/explain?record="');
});
