/**
 * Domain Connect on the page: whether the DNS host does it, the link for what is missing, and a zone that lies.
 */
import { expect, test } from "vitest";
import { z } from "zod";
import { isPublicHost } from "#resolvers/public-host.ts";
import type { RecordedZone } from "../../../dns-tools/resolvers/recorded.ts";
import { ANSWERS, hostedAt, urlOf, wizardOver } from "./scene.ts";

const zoneWith = (text: string): RecordedZone => ({
  ...hostedAt("ns1.host.test"),
  "_domainconnect.d.test": { TXT: [text] },
});
const ZONE = zoneWith("dc.host.test/api");
const SETTINGS = {
  providerId: "host.test",
  providerName: "Host <b>Test</b>",
  urlSyncUX: "https://ux.host.test/connect",
  urlAPI: "https://api.host.test",
};

type Answers = Record<string, () => Response>;
const KNOWN: Answers = {
  "https://dc.host.test/api/v2/d.test/settings": () => Response.json(SETTINGS),
  "https://api.host.test/v2/domainTemplates/providers/spf.relay.test/services/mail": () => new Response(null),
};

const visit = async (
  zone: RecordedZone,
  answers: Answers,
  query = ANSWERS,
): Promise<{ html: string; json: unknown; asked: string[] }> => {
  const asked: string[] = [];
  const app = wizardOver(zone, {
    fetch: (input, init) => {
      asked.push(urlOf(input));
      expect(init?.redirect).toBe("manual");
      return Promise.resolve(answers[urlOf(input)]?.() ?? new Response(null, { status: 404 }));
    },
  });
  const html = await (await app.request(`/domain-connect?${query}`)).text();
  const seen = [...asked];
  const json: unknown = await (await app.request(`/domain-connect.json?${query}`)).json();
  return { html, json, asked: seen };
};

test("a host that knows the template: a link with what is missing", async () => {
  const { html, json, asked } = await visit(ZONE, KNOWN);
  expect(asked).toEqual(Object.keys(KNOWN));
  expect(html).toContain("Publish at Host &lt;b&gt;Test&lt;/b&gt;");
  expect(html).toMatch(
    /href="https:\/\/ux\.host\.test\/connect\/v2\/domainTemplates\/providers\/spf\.relay\.test\/services\/mail\/apply\?dkim1=/,
  );
  expect(html).not.toContain("does not have your sender’s template");
  expect(json).toMatchObject({ groups: ["bounce", "spf", "dkim", "dmarc"], link: expect.stringContaining("apply?") });
});

test("a host that does not know it, and a record that is for the owner", async () => {
  const [settings = ""] = Object.keys(KNOWN);
  const zone = { ...ZONE, "_dmarc.d.test": { TXT: ["v=DMARC1; p=none"] } };
  const { html, json } = await visit(zone, { [settings]: () => Response.json(SETTINGS) });
  expect(html).toContain("does not have your sender’s template");
  expect(html).toMatch(/href="\/export\/domain-connect\?[^"]*" download/);
  expect(html).toContain("has to be changed by hand");
  expect(json).toMatchObject({ groups: ["bounce", "spf", "dkim"] });
});

test("a zone may name nobody, or whom we do not visit", async () => {
  const check = async (zone: RecordedZone, kind: string, answers: Answers = {}): Promise<string[]> => {
    const { html, json, asked } = await visit(zone, answers);
    expect(json).toMatchObject({ discovery: { kind } });
    expect(html).not.toContain("apply?");
    return asked;
  };
  expect(await check(hostedAt("ns1.host.test"), "not-offered")).toEqual([]);
  for (const text of ["localhost/x", "127.0.0.1", "http://dc.host.test", "dc.host.test:22", "printer.local", "127.1"])
    expect(await check(zoneWith(text), "not-offered"), text).toEqual([]);
  expect(await check({ ...ZONE, "_domainconnect.d.test": "servfail" }, "unknown")).toEqual([]);
  const [settings = ""] = Object.keys(KNOWN);
  const says = (body: unknown, status = 200): Answers => ({ [settings]: () => Response.json(body, { status }) });
  await check(ZONE, "not-offered");
  await check(ZONE, "unknown", says({}));
  await check(ZONE, "unknown", says(SETTINGS, 500));
  await check(ZONE, "unknown", says({ ...SETTINGS, urlSyncUX: "javascript:alert(1)" }));
  await check(ZONE, "unknown", says({ ...SETTINGS, urlSyncUX: "https://ux.host.test/?x=" }));
  await check(ZONE, "unknown", { [settings]: () => new Response("x".repeat(70_000)) });
  await check(ZONE, "unknown", {
    [settings]: () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1/" } }),
  });
  const { urlSyncUX: _, ...withoutSync } = SETTINGS;
  await check(ZONE, "not-offered", says(withoutSync));
});

test("the settings lead to no inner place either", async () => {
  const [settings = ""] = Object.keys(KNOWN);
  for (const urlAPI of ["https://localhost", "https://127.0.0.1", "https://a.internal:8443"]) {
    const { asked } = await visit(ZONE, { [settings]: () => Response.json({ ...SETTINGS, urlAPI }) });
    expect(asked).toEqual([settings]);
  }
});

test("where fetch reaches more than the public Internet, only public hosts are visited, at the port of https", async () => {
  const hosts: RecordedZone = {
    "dc.host.test": { A: ["9.9.9.9"] },
    "api.host.test": { A: ["9.9.9.10"] },
    "inside.host.test": { A: ["10.0.0.7"] },
    "dark.host.test": "servfail",
  };
  const visitFor = async (text: string, urlAPI = SETTINGS.urlAPI): Promise<{ asked: string[]; discovery: unknown }> => {
    const asked: string[] = [];
    const app = wizardOver(
      { ...zoneWith(text), ...hosts },
      {
        isPublicHost,
        fetch: (input) => {
          asked.push(new URL(urlOf(input)).host);
          return Promise.resolve(Response.json({ ...SETTINGS, urlAPI }));
        },
      },
    );
    const json = z.object({ discovery: z.unknown() });
    const { discovery } = json.parse(await (await app.request(`/domain-connect.json?${ANSWERS}`)).json());
    return { asked, discovery };
  };
  const known = { kind: "offered", knowsTemplate: true };
  expect(await visitFor("dc.host.test")).toMatchObject({ asked: ["dc.host.test", "api.host.test"], discovery: known });
  for (const host of ["inside.host.test", "dark.host.test", "none.host.test"]) {
    const reason = `${host} has no public address`;
    expect(await visitFor(host)).toEqual({ asked: [], discovery: { kind: "unknown", reason } });
    const { asked, discovery } = await visitFor("dc.host.test", `https://${host}`);
    expect(asked).toEqual(["dc.host.test"]);
    expect(discovery).toMatchObject({ kind: "offered", knowsTemplate: false });
  }
  expect((await visitFor("dc.host.test", "https://api.host.test:8443/admin")).asked).toEqual(["dc.host.test"]);
});

test("the template is a file, with the name that the public collection wants", async () => {
  const response = await wizardOver(ZONE).request(`/export/domain-connect?${ANSWERS}`);
  expect(response.headers.get("content-disposition")).toBe('attachment; filename="spf.relay.test.mail.json"');
  expect(await response.json()).toMatchObject({ providerId: "spf.relay.test", records: expect.any(Array) });
  const nameless = await wizardOver(ZONE).request("/export/domain-connect?domain=d.test&ip=192.0.2.1");
  expect(nameless.status).toBe(400);
});
