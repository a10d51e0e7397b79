/**
 * How long a test waits for what should happen. Such a limit only ends what hangs: on a busy machine anything takes many
 * times as long as alone, and no test may fail by that.
 */
export const PATIENCE_MS = 30_000;

/** Options of every vitest project: a test may wait for several things, one after another. */
export const PATIENT = {
  testTimeout: 4 * PATIENCE_MS,
  hookTimeout: 4 * PATIENCE_MS,
  expect: { poll: { timeout: PATIENCE_MS } },
  setupFiles: ["tests/support/property-seed.ts"],
};
