/** `hikyaku domains`: what is asked of the API, what is shown of its answers, and how it ends. */
import { afterEach, expect, test } from "vitest";
import { type Asked, run, type Run, type Script, startFakeApi } from "./fake-api.ts";

const DETAIL = {
  object: "domain",
  id: "d1",
  name: "shop.test",
  status: "partially_failed",
  created_at: "2026-11-24T12:00:00.000Z",
  region: "us-east-1",
  capabilities: { sending: "enabled", receiving: "disabled" },
  open_tracking: false,
  click_tracking: false,
  tls: "opportunistic",
  records: [
    { record: "SPF", name: "send", type: "MX", value: "relay.test", ttl: "Auto", status: "verified", priority: 10 },
    { record: "DKIM", name: "s1._domainkey", type: "TXT", value: "v=DKIM1; p=AA", ttl: "Auto", status: "failed" },
  ],
  when_broken: "stop",
  unsubscribe: false,
  checked_at: "2026-11-24T12:00:00.000Z",
  findings: [
    {
      code: "dkim.missing",
      status: "fail",
      name: "s1._domainkey.shop.test",
      text: "There is no key.",
      rfc: "RFC 6376",
    },
  ],
  dmarc_report_address: null,
  mta_sts: {
    mode: "testing",
    mx: ["mx.shop.test"],
    max_age: 604_800,
    records: [{ type: "TXT", name: "_mta-sts", value: "v=STSv1; id=1" }],
  },
};

let stop = (): void => {};
afterEach(() => stop());

const domains = async (args: string[], script: Script = {}): Promise<Run & { asked: Asked[] }> => {
  const api = await startFakeApi({
    "GET /v1/domains?limit=100": { body: { object: "list", has_more: false, data: [DETAIL] } },
    "GET /v1/domains/d1": { body: DETAIL },
    "PATCH /v1/domains/d1": { body: { object: "domain", id: "d1" } },
    "POST /v1/domains/d1/verify": { body: { object: "domain", id: "d1" } },
    ...script,
  });
  stop = api.stop;
  const ended = await run(["domains", ...args, "--url", api.url, "--key", "hk_x"]);
  return { ...ended, asked: api.asked };
};

test("a domain is shown with its records, those of its policy, and what was found", async () => {
  const { exit, out } = await domains(["show", "Shop.Test"]);
  expect(exit).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "shop.test: partially_failed, sends only while it is whole

    STATUS    TYPE  NAME                     VALUE
    verified  MX    send.shop.test           10 relay.test
    failed    TXT   s1._domainkey.shop.test  v=DKIM1; p=AA
    -         TXT   _mta-sts.shop.test       v=STSv1; id=1

    ✗ fail  dkim.missing  s1._domainkey.shop.test
      There is no key."
  `);
});

test("verify asks for a look and says no while the domain is not whole", async () => {
  const { exit, out, asked } = await domains(["verify", "shop.test"]);
  expect(exit).toBe(1);
  expect(asked.map(({ what }) => what)).toContain("POST /v1/domains/d1/verify");
  expect(out).toContain("There is no key.");
  const whole = { ...DETAIL, status: "verified", findings: [] };
  expect((await domains(["verify", "shop.test"], { "GET /v1/domains/d1": { body: whole } })).exit).toBe(0);
});

const check = (args: string[], expected: unknown): void => {
  test(`update ${args.join(" ")}`, async () => {
    const { exit, asked } = await domains(["update", "shop.test", ...args]);
    expect(exit).toBe(0);
    expect(asked.find(({ what }) => what.startsWith("PATCH"))?.body).toEqual(expected);
  });
};
check(["--when-broken", "stop"], { when_broken: "stop" });
check(["--mta-sts", "off"], { mta_sts: null });
check(["--mta-sts", "none"], { mta_sts: { mode: "none", mx: [] } });
check(["--mta-sts", "enforce", "--mx", "a.test", "*.b.test", "--max-age", "86400", "--when-broken", "warn"], {
  when_broken: "warn",
  mta_sts: { mode: "enforce", mx: ["a.test", "*.b.test"], max_age: 86_400 },
});

test("what makes no change is wrong use, and asks nothing; what the API refuses is a no", async () => {
  for (const args of [[], ["--mx", "a.test"], ["--max-age", "9"], ["--mta-sts", "testing", "--max-age", "a week"]]) {
    const { exit, asked } = await domains(["update", "shop.test", ...args]);
    expect([args, exit, asked]).toEqual([args, 2, []]);
  }
  const refusal = { statusCode: 400, name: "validation_error", message: "Invalid `mta_sts` field." };
  const refused = await domains(["update", "shop.test", "--mta-sts", "x"], {
    "PATCH /v1/domains/d1": { status: 400, body: refusal },
  });
  expect(refused).toMatchObject({ exit: 1, err: expect.stringContaining("Invalid `mta_sts` field.") });
});
