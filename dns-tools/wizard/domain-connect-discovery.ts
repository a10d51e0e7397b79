/**
 * Whether a domain's DNS host does Domain Connect (draft-ietf-dconn-domainconnect-03 §7, §8.2), and knows our template.
 *
 * Whom to ask stands in the zone, which is a stranger's: only public names are asked, by https, for little and not long,
 * and nothing of an answer is used but what is parsed here.
 */
import { z } from "zod";
import { isPublicName, SERVICE_ID, settingsUrl } from "#dns/domain-connect.ts";
import { type Resolve, txtText } from "#dns/resolver.ts";
import { fetchJson, type JsonBounds } from "#resolvers/fetch-json.ts";

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
  get: typeof fetch,
): Promise<Discovery> => {
  const answer = await resolve(`_domainconnect.${apex}`, "TXT");
  if ("reason" in answer) return { kind: "unknown", reason: answer.reason };
  const [record] = answer.kind === "records" ? answer.records : [];
  const url = record && settingsUrl(txtText(record), apex);
  if (url === undefined) return { kind: "not-offered" };
  const bounds: JsonBounds = { mostOctets: MOST_OCTETS, signal: AbortSignal.timeout(TIMEOUT_MS) };
  const response = await fetchJson(get, url, {}, bounds);
  if (response.kind === "failed") return { kind: "unknown", reason: response.reason };
  // §7: the host does not have the zone, whatever the zone says.
  if (response.status === 404) return { kind: "not-offered" };
  const settings = Settings.safeParse(response.body);
  if (response.status !== 200 || !settings.success)
    return { kind: "unknown", reason: `${new URL(url).host} sent no settings of Domain Connect` };
  const { providerName, providerDisplayName = providerName, urlSyncUX, urlAPI } = settings.data;
  if (urlSyncUX === undefined) return { kind: "not-offered" };
  const knowsTemplate = await hasTemplate(templateUrl(urlAPI, providerId), get, bounds);
  return { kind: "offered", host: providerDisplayName, urlSyncUX, knowsTemplate };
};

const templateUrl = (urlAPI: string, providerId: string): string =>
  `${urlAPI.replace(/\/$/, "")}/v2/domainTemplates/providers/${providerId}/services/${SERVICE_ID}`;

/** §8.2: 200 says yes, with or without a body. */
const hasTemplate = async (url: string, get: typeof fetch, { signal }: JsonBounds): Promise<boolean> => {
  // What the settings name is as little to be trusted as what the zone does.
  if (!isPublicName(new URL(url).hostname)) return false;
  try {
    const response = await get(url, { redirect: "manual", signal });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
};
