/**
 * Waiting for the gateway: for any answer at all, then for its relay nodes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { callApi } from "../cli/api-client.ts";

const Health = z.object({ relays: z.int().min(0).default(0) });
const POLL_MS = 50;

/**
 * Resolves with the number of relay nodes once the gateway answers `GET /healthz` with at least `relayCount` of
 * them; `late` after `timeoutMs`. Rejects when `signal` aborts. Without relays the answer may be a 503: it counts.
 */
export const waitForGateway = async (
  url: string,
  relayCount: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ kind: "answers"; relays: number } | { kind: "late"; reason: string }> => {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await callApi({ url, token: undefined }, "GET", "/healthz", undefined, 2_000);
    signal.throwIfAborted();
    const health = Health.safeParse(answer.kind === "unreachable" ? undefined : answer.body);
    if (health.success && health.data.relays >= relayCount) return { kind: "answers", relays: health.data.relays };
    if (performance.now() > deadlineMs) {
      const reason = health.success
        ? `${health.data.relays} of ${relayCount} relay nodes have joined`
        : `no answer at ${url}/healthz`;
      return { kind: "late", reason };
    }
    await sleep(POLL_MS, undefined, { signal });
  }
};
