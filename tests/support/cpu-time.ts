/**
 * The CPU time of a test's own thread, so that a test may say what an input costs at the most: the other programs of a
 * busy machine do not count, as they would by the clock. A limit is some ten times what was measured, and far below
 * what the fault that it is for would cost.
 *
 * workerd has no such clock: there nothing counts, and the same test in Node judges.
 */
const hasClock = navigator.userAgent.startsWith("Node.js");

/** Milliseconds this thread has worked so far; only differences mean something. */
export const cpuMs = (): number => {
  if (!hasClock) return 0;
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
