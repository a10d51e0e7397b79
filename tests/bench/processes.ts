/**
 * Other programs of a benchmark: started, watched for memory and ended again.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, connect } from "node:net";

/** Where a program is, or `undefined` when it is not installed. */
export const findProgram = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin", "/usr/lib/postfix/sbin"]
    .map((folder) => `${folder}/${name}`)
    .find((path) => existsSync(path));

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });

export const waitForPort = async (port: number, timeoutMs = 20_000): Promise<void> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
    if (Date.now() > deadline) throw new Error(`nothing listens on 127.0.0.1:${port} after ${timeoutMs} ms`);
    await sleep(50);
  }
};

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** `smtp-sink -c` on loopback: takes all mail, counts it. */
export class Sink {
  readonly port: number;
  readonly #child: ChildProcess;
  #received = 0;

  static async start(): Promise<Sink> {
    const program = findProgram("smtp-sink");
    if (!program) throw new Error("smtp-sink is not installed (Debian: postfix)");
    const port = await freePort();
    // As root it wants somebody else to run as.
    const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
    const child = spawn(program, [...user, "-c", `127.0.0.1:${port}`, "1000"], { stdio: ["ignore", "pipe", "ignore"] });
    await waitForPort(port);
    return new Sink(port, child);
  }

  constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
    // The counters come as `sess=50 quit=50 mesg=50`, each time over the line before.
    child.stdout?.setEncoding("latin1").on("data", (text: string) => {
      const counts = [...text.matchAll(/mesg=(\d+)/g)];
      this.#received = Number(counts.at(-1)?.[1] ?? this.#received);
    });
  }

  get received(): number {
    return this.#received;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  stop(): void {
    this.#child.kill();
  }
}

/** Resident memory of a process in MB, and the highest it has been. */
export const memoryOf = (pid: number): { rssMb: number; peakMb: number } => {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const read = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { rssMb: read("VmRSS"), peakMb: read("VmHWM") };
};

/** CPU seconds a process has used (all its threads). */
export const cpuSecondsOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Fields 14 and 15 of proc(5), in clock ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
