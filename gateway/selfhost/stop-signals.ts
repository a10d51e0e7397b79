/**
 * SIGINT, SIGTERM and SIGHUP: the first asks for a drain, the second means "now".
 *
 * Under npm one Ctrl-C arrives twice, from the terminal and from npm, which forwards it: what comes within
 * half a second of the first is the same wish.
 */
const SAME_WISH_MS = 500;

/** Aborts on the first signal; calls `now` on the second. */
export const onStopSignals = (now: () => void): AbortSignal => {
  const stop = new AbortController();
  let askedAtMs = 0;
  const onSignal = (): void => {
    if (!stop.signal.aborted) {
      askedAtMs = performance.now();
      stop.abort();
    } else if (performance.now() - askedAtMs > SAME_WISH_MS) now();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  return stop.signal;
};
