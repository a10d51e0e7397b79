/** Real signals to a process whose clock is data: nothing hangs on when they arrive. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";

const MODULE = new URL("../../../gateway/selfhost/stop-signals.ts", import.meta.url).href;
const scriptOf = (timesMs: readonly number[]): string => `
  import { onStopSignals } from ${JSON.stringify(MODULE)};
  const times = ${JSON.stringify(timesMs)};
  performance.now = () => times.shift();
  onStopSignals(() => process.exit(9)).addEventListener("abort", () => console.log("drain"));
  process.on("SIGINT", () => console.log("heard"));
  setInterval(() => {}, 1000);
  console.log("up");`;

/** Sends a signal at each of these times; what was said until the end, and the exit status. */
const check = async (timesMs: number[], expected: { said: string; code: number | null }): Promise<void> => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", scriptOf(timesMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const end = once(child, "close");
  const said: string[] = [];
  let sent = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    // The next when the last was heard; then nothing, for who is still there.
    if (line !== "drain") child.kill(sent++ < timesMs.length ? "SIGINT" : "SIGKILL");
  }
  const [code] = await end;
  expect({ said: said.join(" "), code }).toEqual(expected);
};

test("the first signal asks for a drain", () => check([0], { said: "up drain heard", code: null }));

test("what comes within half a second of it is the same wish", () =>
  check([0, 250, 500], { said: "up drain heard heard heard", code: null }));

test("a second one means now", () => check([0, 501], { said: "up drain heard", code: 9 }));
