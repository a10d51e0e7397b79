/**
 * `npm run dev`: the gateway in `wrangler dev`, which follows the sources, and a relay node joined to it.
 *
 * It has a data directory of its own, `dev` in the other, since wrangler stores objects its own way.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runAsProcess } from "./as-process.ts";
import { dataPaths, writePrivate } from "./data-directory.ts";
import type { Settings } from "./settings.ts";
import type { ProcessPlan } from "./supervised-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const prepareWrangler = async (
  settings: Settings,
  port: number,
  variables: Record<string, string>,
): Promise<ProcessPlan> => {
  const paths = dataPaths(settings.dataDir);
  const envFile = join(paths.run, "dev.vars");
  // A file, because arguments show in `ps`.
  writePrivate(
    envFile,
    Object.entries(variables)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join("\n"),
  );
  const wrangler = join(createRequire(import.meta.url).resolve("wrangler/package.json"), "..", "bin", "wrangler.js");
  const flags = [
    "--ip",
    settings.host,
    "--port",
    String(port),
    "--persist-to",
    paths.objects,
    "--env-file",
    envFile,
    "--show-interactive-dev-session=false",
  ];
  return {
    name: "workerd",
    command: process.execPath,
    args: [wrangler, "dev", "--cwd", ROOT, ...flags],
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "true" },
    pidFile: join(paths.run, "workerd.pid"),
    output: "lines",
  };
};

await runAsProcess((settings) => ({ ...settings, dataDir: join(settings.dataDir, "dev") }), prepareWrangler);
