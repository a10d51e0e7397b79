/**
 * Whether a domain's DNS host does Domain Connect (draft-ietf-dconn-domainconnect-03 §7, §8.2), and knows our template.
 *
 * Whom to ask stands in the zone, which is a stranger's: only public hosts are asked, by https at its own port, for little
 * and not long, and nothing of an answer is used but what is parsed here.
 */
import { z } from "zod";
import { isPublicName, SERVICE_ID, settingsUrl } from "#dns/domain-connect.ts";
import { type Resolve, txtText } from "#dns/resolver.ts";
import { fetchJson, type JsonBounds } from "#resolvers/fetch-json.ts";
import type { Fetching } from "./look-up.ts";

export type Discovery =
  /** `knowsTemplate`: it would apply the link. */
  | { kind: "offered"; host: string; urlSyncUX: string; knowsTemplate: boolean }
  | { kind: "not-offered" }
  | { kind: "unknown"; reason: string };

const TIMEOUT_MS = 6_000;
const MOST_OCTETS = 65_536;

/** §7: https, with nothing behind the path. */
const prefix = z.string().regex(/^https:\/\/[a-z0-9.-]+(:\d+)?(\/[\w.~/-]*)?$/i);
const Settings = z.object({
  providerName: z.string().max(255),
  providerDisplayName: z.string().max(255).optional(),
  urlSyncUX: prefix.optional(),
  urlAPI: prefix,
});

export const discover = async (
  apex: string,
  providerId: string,
  resolve: Resolve,
  fetching: Fetching,
): Promise<Discovery> => {
  const answer = await resolve(`_domainconnect.${apex}`, "TXT");
  if ("reason" in answer) return { kind: "unknown", reason: answer.reason };
  const [record] = answer.kind === "records" ? answer.records : [];
  const url = record && settingsUrl(txtText(record), apex);
  if (url === undefined) return { kind: "not-offered" };
  if (!(await mayVisit(url, resolve, fetching)))
    return { kind: "unknown", reason: `${new URL(url).host} has no public address` };
  const bounds: JsonBounds = { mostOctets: MOST_OCTETS, signal: AbortSignal.timeout(TIMEOUT_MS) };
  const response = await fetchJson(fetching.fetch, url, {}, bounds);
  if (response.kind === "failed") return { kind: "unknown", reason: response.reason };
  // §7: the host does not have the zone, whatever the zone says.
  if (response.status === 404) return { kind: "not-offered" };
  const settings = Settings.safeParse(response.body);
  if (response.status !== 200 || !settings.success)
    return { kind: "unknown", reason: `${new URL(url).host} sent no settings of Domain Connect` };
  const { providerName, providerDisplayName = providerName, urlSyncUX, urlAPI } = settings.data;
  if (urlSyncUX === undefined) return { kind: "not-offered" };
  const template = templateUrl(urlAPI, providerId);
  // What the settings name is as little to be trusted as what the zone does.
  const knowsTemplate =
    (await mayVisit(template, resolve, fetching)) && (await hasTemplate(template, fetching.fetch, bounds));
  return { kind: "offered", host: providerDisplayName, urlSyncUX, knowsTemplate };
};

const templateUrl = (urlAPI: string, providerId: string): string =>
  `${urlAPI.replace(/\/$/, "")}/v2/domainTemplates/providers/${providerId}/services/${SERVICE_ID}`;

const mayVisit = async (text: string, resolve: Resolve, { isPublicHost }: Fetching): Promise<boolean> => {
  const { port, hostname } = new URL(text);
  if (port !== "" || !isPublicName(hostname)) return false;
  return isPublicHost === undefined || (await isPublicHost(hostname, resolve));
};

/** §8.2: 200 says yes, with or without a body. */
const hasTemplate = async (url: string, get: typeof fetch, { signal }: JsonBounds): Promise<boolean> => {
  try {
    const response = await get(url, { redirect: "manual", signal });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
};
