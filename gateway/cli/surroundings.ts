/**
 * What a command may see and say, and the four ways it can end.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

export type Surroundings = {
  env: Record<string, string | undefined>;
  /** What a relative path is relative to. */
  cwd: string;
  /** A text for stdout: results only, so that it can be piped. */
  out: (text: string) => void;
  /** A text for stderr: everything else. */
  err: (text: string) => void;
  /** stdout is a terminal that shows colours. */
  colours?: boolean;
};

/** Exit statuses. `no`: the answer is no. `unknown`: it could not be found out (network, a server that fails). */
export const EXIT = { done: 0, no: 1, wrongUse: 2, unknown: 3 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** Wrong use that shows only while a command runs: a missing token, a file that cannot be read. */
export class WrongUse extends Error {}

/** Wraps a command so that its exit status becomes the program's. */
export type Run = <Args extends unknown[]>(
  command: (...args: Args) => Promise<Exit>,
) => (...given: Args) => Promise<void>;

/** The text of a file that was named on the command line. */
export const readGiven = (path: string, { cwd }: Surroundings): string => {
  try {
    return readFileSync(resolve(cwd, path), "utf8");
  } catch (error) {
    throw new WrongUse(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
};
