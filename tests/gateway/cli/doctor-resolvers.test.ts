/** What the doctor says of the gateway's resolvers: two have to agree, so one alone is none. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolverTrouble } from "../../../gateway/cli/doctor-resolvers.ts";
import { startDnsServer, type DnsServer } from "../../support/dns-server.ts";
import { run } from "./fake-api.ts";

const DOWN = "http://127.0.0.1:9/dns-query";
let server: DnsServer;
beforeAll(async () => {
  server = await startDnsServer({});
});
afterAll(() => server.close());

/** `x`: one that answers; `-`: one that does not. */
const check = (resolvers: string, expected: "ok" | "warn" | "unknown", text = /(?:)/): void => {
  test(`${resolvers} is ${expected}`, async () => {
    const urls = Array.from(resolvers, (one) => (one === "x" ? server.dohUrl : DOWN));
    const trouble = await resolverTrouble(urls, "probe.test");
    expect(trouble?.status ?? "ok").toBe(expected);
    expect(trouble?.text ?? "").toMatch(text);
  });
};

check("x", "ok");
check("xx", "ok");
check("-", "unknown", /^127\.0\.0\.1:9 could not be asked .*: is there a network\? Until one answers/);
check("--", "unknown");
check(
  "x-",
  "warn",
  /^127\.0\.0\.1:9 could not be asked .* no domain can be verified, for two have to agree: name another/,
);
check("-x-", "warn", /no domain can be verified/);
check("xx-", "warn", /\. Others stand in for it$/);

test("a line of the doctor where they are told, and none where they are not", async () => {
  const lines = async (env: Record<string, string>): Promise<string[]> => {
    const { out } = await run(["doctor", "--url", "http://127.0.0.1:9"], { HIKYAKU_DNS: "127.0.0.1:9", ...env });
    return out.split("\n").filter((line) => line.includes("resolvers"));
  };
  expect(await lines({})).toEqual([]);
  expect(await lines({ HIKYAKU_DOH_URL: server.dohUrl })).toEqual([
    `ok      resolvers       all answer: ${server.dohUrl}`,
  ]);
  expect(await lines({ HIKYAKU_DOH_URL: `${server.dohUrl}, ${DOWN}` })).toEqual([
    expect.stringMatching(/^warn +resolvers +127\.0\.0\.1:9 could not be asked/),
  ]);
});
