/**
 * The inbound listener of this relay put together: its certificate, its desks, its limits.
 */
import type { Logger } from "pino";
import type { RelaySettings } from "../settings.ts";
import { loadCertificate } from "./certificate.ts";
import { INBOUND_LIMITS } from "./limits.ts";
import type { Desk } from "./reception.ts";
import { startInboundServer } from "./server.ts";

/** `refused`: a setting cannot be used. */
export type Listening = { kind: "listening"; close: () => Promise<void> } | { kind: "refused"; reason: string };

export const startListener = async (
  settings: Pick<RelaySettings, "inbound" | "certificate" | "dataDir" | "heloName" | "source">,
  desks: readonly Desk[],
  log: Logger,
): Promise<Listening> => {
  const { inbound, dataDir } = settings;
  if (!inbound) return { kind: "listening", close: async () => {} };
  const name = settings.source?.name ?? settings.heloName;
  const loaded = loadCertificate(settings.certificate, dataDir, name, Date.now());
  if (loaded.kind === "unusable") return { kind: "refused", reason: `the TLS certificate: ${loaded.reason}` };
  try {
    const { certificate } = loaded;
    const server = await startInboundServer({ ...inbound, name, certificate, desks, limits: INBOUND_LIMITS, log });
    log.info({ event: "inbound.listening", host: inbound.host, port: server.port });
    return { kind: "listening", close: server.close };
  } catch (error) {
    // A port that is taken or needs other rights: trying again would not help.
    return { kind: "refused", reason: `HIKYAKU_INBOUND: ${error instanceof Error ? error.message : String(error)}` };
  }
};
