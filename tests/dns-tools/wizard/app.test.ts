/**
 * The wizard from a typed domain to all green, over recorded DNS; and what it says of a DNS that does not answer.
 */
import { expect, test } from "vitest";
import { z } from "zod";
import type { RecordedName, RecordedZone } from "../../../dns-tools/resolvers/recorded.ts";
import type { WizardOptions } from "../../../dns-tools/wizard/app.ts";
import { ANSWERS, answer, BARE, page, urlOf, wizardOver } from "./scene.ts";

const Plan = z.object({
  domain: z.string(),
  changes: z.array(
    z.object({
      action: z.string(),
      name: z.string().optional(),
      record: z
        .object({ name: z.string(), type: z.enum(["MX", "TXT"]), value: z.string(), priority: z.number().optional() })
        .optional(),
    }),
  ),
});
const Report = z.object({
  status: z.string(),
  findings: z.array(z.object({ code: z.string(), status: z.string(), name: z.string() })),
});

const planOf = async (zone: RecordedZone): Promise<z.infer<typeof Plan>> =>
  Plan.parse(await (await answer(zone, `/plan.json?${ANSWERS}`)).json());
const reportOf = async (zone: RecordedZone): Promise<z.infer<typeof Report>> =>
  Report.parse(await (await answer(zone, `/check.json?${ANSWERS}`)).json());

/** What the owner of a zone without any of the names makes of a plan. */
const published = (zone: RecordedZone, { changes }: z.infer<typeof Plan>): RecordedZone => {
  const after: Record<string, RecordedName> = { ...zone };
  for (const { record } of changes) {
    if (!record) continue;
    const { name, type, value, priority = 0 } = record;
    const before = after[name] ?? {};
    if (typeof before === "string") throw new Error(`${name} fails`);
    after[name] = {
      ...before,
      ...(type === "MX" ? { MX: [{ preference: priority, exchange: value }] } : { TXT: [value] }),
    };
  }
  return after;
};

test("from a typed domain to all green", async () => {
  expect((await reportOf(BARE)).status).toBe("fail");
  const plan = await planOf(BARE);
  expect(plan.changes.map(({ action, record }) => `${action} ${record?.name}`)).toEqual([
    "add send.d.test",
    "add send.d.test",
    "add s1._domainkey.d.test",
    "add s2._domainkey.d.test",
    "add _dmarc.d.test",
  ]);
  const shown = await page(BARE, `/plan?${ANSWERS}`);
  for (const { record } of plan.changes) expect(shown).toContain(`<code>${record?.value}</code>`);
  expect(shown).toContain("5 records to publish");
  const after = published(BARE, plan);
  const report = await reportOf(after);
  expect(report.findings.filter(({ status }) => status === "fail" || status === "indeterminate")).toEqual([]);
  expect((await planOf(after)).changes.map(({ action }) => action)).toEqual(Array(5).fill("keep"));
  expect(await page(after, `/plan?${ANSWERS}`)).toContain("Nothing to publish");
  const green = await page(
    { ...after, "_dmarc.d.test": { TXT: ["v=DMARC1; p=reject; rua=mailto:dmarc@d.test"] } },
    `/check?${ANSWERS}`,
  );
  expect(green).toContain("Everything that was checked is in order.");
  expect(green).not.toMatch(/class="card (fail|warn|indeterminate)"/);
});

test("findings: the worst first, each with its word, its text, its proof and what to publish", async () => {
  const zone: RecordedZone = { ...BARE, "_dmarc.d.test": { TXT: ["v=DMARC1; p=reject", "v=DMARC1; p=none"] } };
  const html = await page(zone, `/check?${ANSWERS}`);
  const words = [...html.matchAll(/<li class="card (\w+)">\s*<h3>\s*<strong class="verdict (\w+)"/g)].map(
    ([, card]) => card,
  );
  expect(words.indexOf("fail")).toBe(0);
  expect(words).toEqual(words.toSorted((a = "", b = "") => RANK.indexOf(a) - RANK.indexOf(b)));
  expect(html).toMatch(/dmarc\.multiple[\s\S]*<pre[^>]*>[^<]*v=DMARC1; p=none/);
  expect(html).toMatch(/<\/span> fails<\/strong>/);
  expect(html).toMatch(/Publish<\/span>[\s\S]*?<code>[^<]+<\/code\s*><button[^>]* hidden/);
});

const RANK = ["fail", "indeterminate", "warn", "not_applicable", "pass"];

test("what could not be looked up is never missing", async () => {
  const zone: RecordedZone = { ...BARE, "s1._domainkey.d.test": "servfail", "_dmarc.d.test": "timeout" };
  const { findings } = await reportOf(zone);
  const said = findings.filter(({ name }) => name === "s1._domainkey.d.test" || name === "_dmarc.d.test");
  expect(said.length).toBeGreaterThan(0);
  expect(said.every(({ status }) => status === "indeterminate")).toBe(true);
  expect(await page(zone, `/check?${ANSWERS}`)).toContain("could not find out");
  const plan = await page(zone, `/plan?${ANSWERS}`);
  expect(plan).toContain("could not find out about 2");
  expect(plan.match(/Publish nothing here yet/g)).toHaveLength(2);
  expect((await planOf(zone)).changes.filter(({ action }) => action === "unknown").map(({ name }) => name)).toEqual([
    "s1._domainkey.d.test",
    "_dmarc.d.test",
  ]);
});

test("a replacement shows what goes and what comes", async () => {
  const zone: RecordedZone = { ...BARE, "_dmarc.d.test": { TXT: ["v=DMARC1; p=none; rua=mailto:old@d.test"] } };
  const html = await page(zone, `/plan?${ANSWERS}`);
  expect(html).toContain("<del><code>v=DMARC1; p=none; rua=mailto:old@d.test</code></del>");
  expect(html).toContain("<code>v=DMARC1; p=none; rua=mailto:old@d.test,mailto:dmarc@d.test</code>");
});

test("the policy stages, with what to see before each", async () => {
  const html = await page(BARE, `/plan?${ANSWERS}`);
  expect([...html.matchAll(/<code>p=(\w+)<\/code>/g)].map(([, policy]) => policy)).toEqual([
    "none",
    "quarantine",
    "reject",
  ]);
  expect(html).toMatch(/p=none<\/code>\s*<em>planned above/);
  expect(html).toMatch(/href="\/plan\?[^"]*policy=reject[^"]*"/);
});

test("exports are files of the same plan", async () => {
  const check = async (form: string, type: string, name: string, has: string): Promise<void> => {
    const file = await answer(BARE, `/export/${form}?${ANSWERS}`);
    expect(file.headers.get("content-type"), form).toBe(type);
    expect(file.headers.get("content-disposition")).toBe(`attachment; filename="${name}"`);
    expect(await file.text(), form).toContain(has);
  };
  const text = "text/plain; charset=utf-8";
  await check("zone", text, "d.test.zone", 'send.d.test. 3600 IN TXT "v=spf1 include:spf.relay.test ~all"');
  await check("terraform-cloudflare", text, "d.test-cloudflare.tf", "cloudflare_");
  await check("terraform-route53", text, "d.test-route53.tf", "aws_route53_record");
  await check("terraform-google", text, "d.test-google.tf", "google_dns_record_set");
  await check("dnscontrol", text, "d.test-dnsconfig.js", "TXT(");
  await check("octodns", text, "d.test.yaml", "v=spf1");
  await check("json", "application/json", "d.test.json", '"action": "add"');
});

test("explain: each term with its cost, each step, each tag", async () => {
  const zone: RecordedZone = {
    ...BARE,
    "d.test": { TXT: ["v=spf1 include:spf.relay.test -all"] },
    "_dmarc.d.test": { TXT: ["v=DMARC1; p=reject"] },
  };
  const html = await page(zone, "/explain?domain=d.test");
  expect(html).toContain("1 of 10 look-ups");
  expect(html).toMatch(/include:spf\.relay\.test<\/code> <span class="soft">1 look-up</);
  expect(html).toMatch(/ip4:192\.0\.2\.0\/24/);
  expect(html).toContain("refuse it");
});

test("explain: the return-path first, for there SPF is checked", async () => {
  const zone: RecordedZone = {
    ...BARE,
    "d.test": { TXT: ["v=spf1 a -all"] },
    "send.d.test": { TXT: ["v=spf1 include:spf.relay.test ~all"] },
  };
  const html = await page(zone, "/explain?domain=d.test");
  expect(html).toMatch(
    /SPF of your mail[\s\S]*include:spf\.relay\.test[\s\S]*SPF of the domain itself[\s\S]*<code>a<\/code>/,
  );
  const same = await page(zone, "/explain?domain=d.test&return-path=");
  expect(same).toContain("<h2>SPF</h2>");
  expect(same).not.toContain("spf.relay.test");
});

test("what is to be published is what the plan publishes", async () => {
  const Fixes = z.object({ findings: z.array(z.object({ name: z.string(), fix: z.string().optional() })) });
  const answers = ANSWERS.replace("policy=none", "policy=reject");
  const { findings } = Fixes.parse(await (await answer(BARE, `/check.json?${answers}`)).json());
  const { changes } = Plan.parse(await (await answer(BARE, `/plan.json?${answers}`)).json());
  const texts = changes.flatMap(({ record }) => (record?.type === "TXT" ? [[record.name, record.value]] : []));
  expect(texts).toHaveLength(4);
  const fixes = findings.filter(({ fix }) => fix !== undefined).map(({ name, fix }) => [name, fix]);
  expect(fixes).toEqual(expect.arrayContaining(texts));
});

test("an MTA-STS policy is read by the page's own fetch, where its host is of the public Internet", async () => {
  const zone: RecordedZone = {
    ...BARE,
    "_mta-sts.d.test": { TXT: ["v=STSv1; id=1"] },
    "mta-sts.d.test": { A: ["192.0.2.9"] },
  };
  const text = "version: STSv1\r\nmode: enforce\r\nmx: mail.d.test\r\nmax_age: 604800\r\n";
  const asked: string[] = [];
  const options: Partial<WizardOptions> = {
    fetch: (input) => {
      asked.push(urlOf(input));
      return Promise.resolve(new Response(text, { headers: { "content-type": "text/plain" } }));
    },
  };
  const findings = async (more: Partial<WizardOptions>): Promise<string> =>
    (await wizardOver(zone, { ...options, ...more }).request(`/check.json?${ANSWERS}`)).text();
  expect(await findings({})).not.toMatch(/was not read|mta-sts\.fetch/);
  expect(asked).toEqual(["https://mta-sts.d.test/.well-known/mta-sts.txt"]);
  expect(await findings({ isPublicHost: () => Promise.resolve(false) })).toContain("mta-sts.fetch");
  expect(asked).toHaveLength(1);
});

test("every page has its twin, by its name and by Accept", async () => {
  for (const [path, twin] of [
    ["/", "/index.json"],
    ["/check", "/check.json"],
    ["/plan", "/plan.json"],
    ["/explain", "/explain.json"],
    ["/propagation", "/propagation.json"],
    ["/domain-connect", "/domain-connect.json"],
  ]) {
    const byName = await answer(BARE, `${twin}?${ANSWERS}`);
    const byAccept = await answer(BARE, `${path}?${ANSWERS}`, { accept: "application/json" });
    expect(byName.headers.get("content-type"), path).toBe("application/json");
    expect(await byAccept.json(), path).toEqual(await byName.json());
    expect((await answer(BARE, `${path}?${ANSWERS}`)).headers.get("content-type")).toMatch(/^text\/html/);
  }
});

test("mounted below a path, every link stays there", async () => {
  for (const path of [
    "/setup",
    "/setup/",
    `/setup/check?${ANSWERS}`,
    `/setup/plan?${ANSWERS}`,
    "/setup/explain?domain=d.test",
    `/setup/propagation?${ANSWERS}`,
    `/setup/domain-connect?${ANSWERS}`,
    "/setup/account",
  ]) {
    const response = await answer(BARE, path, {}, "/setup");
    expect(response.status, path).toBe(200);
    const links = [...(await response.text()).matchAll(/ (?:href|src|action|formaction)="([^"]*)"/g)].map(
      ([, to]) => to,
    );
    expect(links.length).toBeGreaterThan(4);
    expect(links.filter((to) => !/^(\/setup\/|#|data:,$)/.test(to ?? ""))).toEqual([]);
  }
  expect((await answer(BARE, "/setup/wizard.css", {}, "/setup")).headers.get("content-type")).toMatch(/^text\/css/);
  expect((await answer(BARE, "/check?domain=d.test", {}, "/setup")).status).toBe(404);
});
