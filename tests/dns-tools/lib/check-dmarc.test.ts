/** What is advised for DMARC is what the plan makes of the wish, whatever stands there. */
import { describe, expect, test } from "vitest";
import { checkDmarc } from "#dns/check-dmarc.ts";
import type { DmarcWish } from "#dns/dmarc-merge.ts";
import type { FindingCode } from "#dns/finding.ts";
import { plan } from "#dns/plan.ts";
import { isEdit, textOf } from "#dns/zone.ts";
import { ASK, GOOD, RUA } from "../support/dmarc-check.ts";
import { resolverOf, type TxtZone } from "../support/txt-zone.ts";

const WISH: DmarcWish = { policy: "reject", rua: "mailto:dmarc@d.test" };
const { reportAddress: _, ...CHECK } = ASK;

const check = (zone: TxtZone, code: FindingCode, says: string, wish = WISH, from = "d.test"): void => {
  test(`${code} over ${JSON.stringify(zone)}, towards ${wish.policy}, of ${from}`, async () => {
    const resolve = resolverOf(zone);
    const findings = await checkDmarc({ ...CHECK, from }, wish, resolve);
    const finding = findings.find((one) => one.code === code);
    const [change] = await plan({ domain: from, records: [], dmarc: wish }, resolve, new AbortController().signal);
    if (!change || !isEdit(change)) throw new Error("nothing is planned");
    expect(finding).toMatchObject({ name: change.to.name, fix: textOf(change.to) });
    expect(finding?.text).toContain(says);
    expect(finding?.text).not.toMatch(/p=none`|changes nothing|or a stricter one/);
  });
};

check({}, "dmarc.missing", `Publish \`${GOOD}\` at _dmarc.d.test.`);
check({}, "dmarc.missing", `Publish \`${GOOD}\` at _dmarc.news.d.test.`, WISH, "news.d.test");
check({ "_dmarc.test": ["v=DMARC1; p=none; psd=y"] }, "dmarc.missing", `a public suffix, decides over your mail`);
check({ "_dmarc.d.test": ["v=DMARC1; p=none", "v=DMARC1; p=none; x=y"] }, "dmarc.multiple", "the only one");
check({ "_dmarc.d.test": ["v=DMARC1; p=none; rua=mailto:a@d.test"] }, "dmarc.none-forever", "publish the record below");
check({ "_dmarc.d.test": ["v=DMARC1; p=none"] }, "dmarc.no-rua", "Add `rua=mailto:`");
check({ "_dmarc.d.test": ["v=DMARC1; p=none"] }, "dmarc.no-rua", "Add", { ...WISH, policy: "none" });
check(
  { "_dmarc.d.test": ["v=DMARC1; p=reject"], "_dmarc.news.d.test": ["v=DMARC1; p=none", "v=DMARC1; p=none; x=y"] },
  "dmarc.multiple",
  "Meanwhile p=reject of _dmarc.d.test holds, which the record below keeps.",
  { policy: "none" },
  "news.d.test",
);
check({ "_dmarc.d.test": ["v=DMARC1; p=none", `v=DMARC1; p=quarantine; ${RUA}`] }, "dmarc.multiple", "the only one", {
  policy: "none",
});

test("a correction stays one, brought up to the wish", async () => {
  const zone = { "_dmarc.d.test": ["v=DMARC1; p=none; pct=50"] };
  const findings = await checkDmarc(CHECK, WISH, resolverOf(zone));
  expect(findings.find(({ code }) => code === "dmarc.historic-tag")?.fix).toBe(GOOD);
});

test("what is as wished, or not wished, is told as ever", async () => {
  const [next] = await checkDmarc(
    CHECK,
    { policy: "none" },
    resolverOf({ "_dmarc.d.test": [`v=DMARC1; p=none; ${RUA}`] }),
  );
  expect(next).toMatchObject({ code: "dmarc.none-forever", fix: expect.stringContaining("p=quarantine; t=y") });
  const [unwished] = await checkDmarc(CHECK, undefined, resolverOf({}));
  expect(unwished).toMatchObject({ fix: "v=DMARC1; p=none" });
});

describe("a record further up is that of other domains too", () => {
  const from = "news.d.test";
  const of = async (text: string, wish: DmarcWish | undefined): Promise<unknown> => {
    const findings = await checkDmarc({ ...CHECK, from }, wish, resolverOf({ "_dmarc.d.test": [text] }));
    return findings.map(({ code, name, fix }) => ({ code, name, ...(fix !== undefined && { fix }) }));
  };
  const none = `v=DMARC1; p=reject; sp=none; ${RUA}`;
  const forever = { code: "dmarc.none-forever", name: "_dmarc.news.d.test" };

  test("the next policy is that of the domain alone, wished or not", async () => {
    const trial = `v=DMARC1; p=quarantine; t=y; ${RUA}`;
    expect(await of(none, undefined)).toEqual([{ ...forever, fix: trial }]);
    expect(await of(none, { policy: "none", rua: "mailto:x@d.test" })).toEqual([
      { ...forever, fix: expect.any(String) },
    ]);
    expect(await of(none, { policy: "quarantine" })).toEqual([{ ...forever, fix: `v=DMARC1; p=quarantine; ${RUA}` }]);
  });

  test("a correction of it has nothing of the wish", async () => {
    expect(await of(`v=DMARC1; p=none; ri=1; ${RUA}`, WISH)).toEqual([
      { code: "dmarc.historic-tag", name: "_dmarc.d.test", fix: `v=DMARC1; p=none; ${RUA}` },
    ]);
  });
});
