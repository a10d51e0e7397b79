/**
 * How `npm start` runs the gateway: bundled, on plain workerd, with its objects on the local disk.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { bundleGateway } from "./bundle.ts";
import { dataPaths } from "./data-directory.ts";
import { hostAndPort, type Settings } from "./settings.ts";
import type { ProcessPlan } from "./supervised-process.ts";
import { formatWorkerdConfig, readWranglerFacts } from "./workerd-config.ts";

const GATEWAY = fileURLToPath(new URL("../index.ts", import.meta.url));
const WRANGLER_TOML = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));
const BUNDLE = "gateway.js";

/** The package has no types; its default export is the path of the native program for this platform. */
const workerdPath = (): string =>
  z.object({ default: z.string() }).parse(createRequire(import.meta.url)("workerd")).default;

export type Secrets = { adminToken: string; masterKey: string };

/** What the Worker reads of the environment, beside the variables of wrangler.toml. */
export const gatewayVariables = (settings: Settings, secrets: Secrets, url: string): Record<string, string> => ({
  HIKYAKU_ADMIN_TOKEN: secrets.adminToken,
  HIKYAKU_MASTER_KEY: secrets.masterKey,
  HIKYAKU_PUBLIC_URL: settings.publicUrl ?? url,
  HIKYAKU_DOH_URL: settings.dohUrl,
  HIKYAKU_ALLOW_PRIVATE: settings.allowPrivate ? "1" : "0",
  HIKYAKU_CLIENT_IP_HEADER: settings.clientIpHeader,
  ...(settings.retry === undefined ? {} : { HIKYAKU_RETRY: settings.retry }),
  ...(settings.webhookRetry === undefined ? {} : { HIKYAKU_WEBHOOK_RETRY: settings.webhookRetry }),
  ...(settings.bounceDomain === undefined ? {} : { HIKYAKU_BOUNCE_DOMAIN: settings.bounceDomain }),
});

/** Bundles the gateway and writes workerd's configuration; the plan runs it. `entry` is for tests of the launcher. */
export const prepareGateway = async (
  settings: Settings,
  port: number,
  variables: Record<string, string>,
  entry: string = GATEWAY,
): Promise<ProcessPlan> => {
  const paths = dataPaths(settings.dataDir);
  const facts = readWranglerFacts(readFileSync(WRANGLER_TOML, "utf8"));
  const env = { ...facts.vars, ...variables };
  const config = formatWorkerdConfig({
    facts,
    address: hostAndPort(settings.host, port),
    modulePath: BUNDLE,
    objectsDir: paths.objects,
    variables: Object.keys(env),
    allowPrivate: settings.allowPrivate,
  });
  const configPath = join(paths.run, "workerd.capnp");
  await bundleGateway(entry, join(paths.run, BUNDLE));
  writeFileSync(configPath, config);
  return {
    name: "workerd",
    command: workerdPath(),
    args: ["serve", configPath],
    env: { PATH: process.env["PATH"], ...env },
    pidFile: join(paths.run, "workerd.pid"),
    output: "lines",
  };
};
