/**
 * What a new installation needs once: the account `default` and a token for each relay node.
 *
 * What is kept on disk says what was done: the account's id, the relay's token. A crash between the call and
 * the file means that it is done again, which leaves an unused account or relay behind and harms nothing.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { type Api, callApi, readBody } from "../cli/api-client.ts";
import { dataPaths, readText, writePrivate } from "./data-directory.ts";

const NewAccount = z.object({ id: z.string(), api_key: z.object({ token: z.string() }) });
const NewRelay = z.object({ token: z.string() });

export type Failed = { kind: "failed"; reason: string };

/** Makes the account `default` unless it was made before; `made` has its API key, which is kept nowhere. */
export const ensureDefaultAccount = async (
  api: Api,
  dataDir: string,
): Promise<{ kind: "made"; apiKey: string } | { kind: "known" } | Failed> => {
  const path = dataPaths(dataDir).defaultAccount;
  if (readText(path) !== undefined) return { kind: "known" };
  const request = { name: "default", allowed_senders: "any" };
  const answer = readBody(await callApi(api, "POST", "/admin/accounts", request), NewAccount);
  if (answer.kind !== "read") return failed("the account `default` could not be made", answer);
  writePrivate(path, answer.value.id);
  return { kind: "made", apiKey: answer.value.api_key.token };
};

/** The token of relay node `index`, made and kept on first use. */
export const ensureRelayToken = async (
  api: Api,
  dataDir: string,
  index: number,
  pools: string[],
): Promise<{ kind: "token"; token: string } | Failed> => {
  const path = dataPaths(dataDir).relayToken(index);
  const kept = readText(path);
  if (kept !== undefined) return { kind: "token", token: kept };
  const answer = readBody(await callApi(api, "POST", "/admin/relays", { name: `relay-${index}`, pools }), NewRelay);
  if (answer.kind !== "read") return failed(`relay-${index} could not be registered`, answer);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writePrivate(path, answer.value.token);
  return { kind: "token", token: answer.value.token };
};

const failed = (
  what: string,
  answer: { kind: "refused"; message: string } | { kind: "unreachable"; reason: string },
): Failed => ({
  kind: "failed",
  reason: `${what}: ${answer.kind === "refused" ? answer.message : answer.reason}`,
});
