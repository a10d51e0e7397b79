/**
 * `hikyaku limits`: how much an account may still send, as its own keys see it.
 */
import { z } from "zod";
import { LimitState } from "#contract/limits.ts";
import { callApi } from "./api-client.ts";
import { accountApi, type ApiOptions } from "./credentials.ts";
import { show, table } from "./show.ts";
import type { Exit, Surroundings } from "./surroundings.ts";

const States = z.object({ data: z.array(LimitState) });

export const limits = async (options: ApiOptions & { json?: boolean }, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "GET", "/v1/limits");
  return show(answer, States, options.json === true, around, ({ data }) =>
    table(
      ["LIMIT", "USED", "OF", "RESETS"],
      data.map((state) => [
        state.sender === null ? state.name : `${state.name} (${state.sender})`,
        String(state.used),
        String(state.limit),
        state.resets_at ?? "-",
      ]),
    ),
  );
};
