/**
 * What every benchmark prints, and the mails they all send.
 */
import type { Stack } from "../support/stack.ts";
import type { LoadResult } from "./http-load.ts";
import { memoryOf } from "./processes.ts";

/** Connections to the sink that we and the peers may have open: Haraka is never given fewer. */
export const SINK_CONNECTIONS = 60;

export const print = (result: object): void => console.log(JSON.stringify(result));
export const progress = (text: string): void => console.error(`bench: ${text}`);

export const email = (index: number, to: string): object => ({
  from: "Bench <app@bench.test>",
  to: [to],
  subject: `Your receipt number ${index}`,
  html: `<html><body><p>Hello,</p>${"<p>This line stands for the content of a mail.</p>".repeat(24)}</body></html>`,
  text: "This line stands for the content of a mail.\n".repeat(12),
});

/** About what a short HTML mail has; 2 KB as JSON. */
export const single = (index: number, to: string): string => JSON.stringify(email(index, to));

export const batch = (index: number, size: number, to: (at: number) => string): string =>
  JSON.stringify(Array.from({ length: size }, (_, at) => email(index * size + at, to(index * size + at))));

export const summary = ({ ids: _, ...result }: LoadResult): Omit<LoadResult, "ids"> => result;

export const medianBy = <T>(results: readonly T[], figure: (result: T) => number): T => {
  const middle = results.toSorted((a, b) => figure(a) - figure(b))[Math.floor(results.length / 2)];
  if (!middle) throw new Error("no run was made");
  return middle;
};

export const memory = (stack: Stack): object => ({
  gateway: memoryOf(stack.pids().workerd),
  ...(stack.pids().relay && { relay: memoryOf(stack.pids().relay ?? 0) }),
});
