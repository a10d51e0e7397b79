/** A domain to be set up, its owner's DNS before and after, and the wizard over either. */
import type { Hono } from "hono";
import { wizardApp, type WizardOptions } from "../../../dns-tools/wizard/app.ts";
import { recordedResolver, type RecordedZone } from "../../../dns-tools/resolvers/recorded.ts";
import { ED25519, RSA_2048 } from "../support/public-keys.ts";

export const ANSWERS = new URLSearchParams([
  ["domain", "d.test"],
  ["include", "spf.relay.test"],
  ["return-path", "send"],
  ["bounce", "bounce.relay.test"],
  ["policy", "none"],
  ["rua", "dmarc@d.test"],
  ["selector", "s1"],
  ["key", `v=DKIM1; k=rsa; p=${RSA_2048}`],
  ["selector", "s2"],
  ["key", ED25519],
]).toString();

export const BARE: RecordedZone = {
  "d.test": { MX: [{ preference: 10, exchange: "mail.d.test" }], A: ["192.0.2.1"] },
  "mail.d.test": { A: ["192.0.2.2"] },
  "bounce.relay.test": { A: ["192.0.2.3"] },
  "spf.relay.test": { TXT: ["v=spf1 ip4:192.0.2.0/24 ~all"] },
};

const SOA = { mname: "a", rname: "b", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 };

/** `BARE`, with its zone on these name servers. */
export const hostedAt = (...nameServers: string[]): RecordedZone => ({
  ...BARE,
  "d.test": { ...BARE_APEX, SOA: [SOA], NS: nameServers },
});
const BARE_APEX = { MX: [{ preference: 10, exchange: "mail.d.test" }], A: ["192.0.2.1"] };

/** Whoever is asked over the network is not there, unless told. */
export const wizardOver = (zone: RecordedZone, options: Partial<WizardOptions> = {}): Hono =>
  wizardApp({
    resolve: recordedResolver(zone),
    fetch: () => Promise.reject(new Error("nobody is there")),
    update: () => Promise.resolve({ kind: "refused", text: "no server" }),
    readAccount: () => Promise.resolve({ kind: "refused", text: "no account" }),
    ...options,
  });

export const answer = async (
  zone: RecordedZone,
  path: string,
  headers: Record<string, string> = {},
  basePath = "",
): Promise<Response> => wizardOver(zone, { basePath }).request(path, { headers: { accept: "text/html", ...headers } });

export const page = async (zone: RecordedZone, path: string): Promise<string> => (await answer(zone, path)).text();

/** A form sent as a browser sends it from a page of the same site. */
export const post = async (
  app: Hono,
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = { "sec-fetch-site": "same-origin" },
): Promise<Response> =>
  app.request(path, {
    method: "POST",
    headers: { accept: "text/html", "content-type": "application/x-www-form-urlencoded", ...headers },
    body: new URLSearchParams(fields).toString(),
  });

/** The mark that a page of the plan sends back with its forms. */
export const markOn = async (app: Hono): Promise<string> => {
  const html = await (await app.request(`/plan?${ANSWERS}`)).text();
  return /name="plan" value="([0-9a-f]{32})"/.exec(html)?.[1] ?? "";
};

/** What a fake of `fetch` was asked for. */
export const urlOf = (input: Parameters<typeof fetch>[0]): string =>
  input instanceof Request ? input.url : new URL(input).href;
