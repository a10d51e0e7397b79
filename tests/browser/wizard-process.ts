/** The wizard as `npm run wizard` runs it: a process of its own, on a free port, with DNS from a test's server. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dns-tools/wizard/main.ts", import.meta.url));

export type Wizard = { readonly url: string; stop(): Promise<void> };

/** Rejects when it ends before it listens. */
export const startWizard = async (dohUrl: string): Promise<Wizard> => {
  const env = { HIKYAKU_WIZARD_PORT: "0", HIKYAKU_DOH_URL: dohUrl };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const url = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const at = /http:\S+/.exec(said)?.[0];
      if (at !== undefined) resolve(at);
    });
    child.once("exit", (code) => reject(new Error(`the wizard ended with ${code}, and said: ${said}`)));
  });
  return {
    url,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
};
