/**
 * `hikyaku relays`: the relay nodes that may join a gateway.
 */
import { z } from "zod";
import { RelaySummary } from "#contract/account.ts";
import { callApi } from "./api-client.ts";
import { adminApi, type ApiOptions } from "./credentials.ts";
import { show, table } from "./show.ts";
import type { Exit, Surroundings } from "./surroundings.ts";

const NewRelay = z.object({ id: z.string(), name: z.string(), token: z.string() });
const Relays = z.object({ data: z.array(RelaySummary) });

type Options = ApiOptions & { json?: boolean };

export const createRelay = async (
  options: Options & { name: string; pool?: string[] },
  around: Surroundings,
): Promise<Exit> => {
  const request = { name: options.name, ...(options.pool && { pools: options.pool }) };
  const api = adminApi(options, around);
  const answer = await callApi(api, "POST", "/admin/relays", request);
  return show(answer, NewRelay, options.json === true, around, (relay) =>
    [
      `relay ${relay.id}  ${relay.name}`,
      "Its token is shown only now. On the machine that shall send:",
      "",
      `  HIKYAKU_GATEWAY_URL=${api.url} HIKYAKU_RELAY_NAME=${shellWord(relay.name)} HIKYAKU_RELAY_TOKEN=${relay.token} npm run relay`,
    ].join("\n"),
  );
};

export const listRelays = async (options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(adminApi(options, around), "GET", "/admin/relays");
  return show(answer, Relays, options.json === true, around, ({ data }) =>
    table(
      ["ID", "CONNECTED", "LAST SEEN", "VERSION", "POOLS", "NAME"],
      data.map((relay) => [
        relay.id,
        relay.connected ? "yes" : "no",
        relay.last_seen_at ?? "never",
        relay.version ?? "-",
        relay.pools.join(","),
        relay.name,
      ]),
    ),
  );
};

/** Quoted for a shell when it has to be. */
const shellWord = (text: string): string =>
  /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
