import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";

const MODULE = new URL("../../../gateway/selfhost/stop-signals.ts", import.meta.url).href;
const SCRIPT = `import { onStopSignals } from ${JSON.stringify(MODULE)};
  onStopSignals(() => process.exit(9)).addEventListener("abort", () => console.log("drain"));
  setInterval(() => {}, 1000);
  console.log("up");`;

/** Sends signals with a pause before each; what was said until the end, and the exit status. */
const check = async (pausesMs: number[], expected: { said: string; code: number | null }): Promise<void> => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", SCRIPT], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => (said += String(chunk)));
  const end = new Promise<number | null>((resolve) => child.once("close", resolve));
  await once(child.stdout, "data");
  for (const pauseMs of pausesMs) {
    await sleep(pauseMs);
    child.kill("SIGINT");
  }
  const code = await Promise.race([end, sleep(300).then(() => null)]);
  child.kill("SIGKILL");
  await end;
  expect({ said, code }).toEqual(expected);
};

test("the first signal asks for a drain", () => check([0], { said: "up\ndrain\n", code: null }));

test("what comes within half a second of it is the same wish", () =>
  check([0, 100, 100], { said: "up\ndrain\n", code: null }));

test("a second one means now", () => check([0, 700], { said: "up\ndrain\n", code: 9 }));
