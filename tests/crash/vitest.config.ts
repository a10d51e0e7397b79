/**
 * `npm run test:crash`: kill -9 under load. One file at a time, since they count what the machine was doing.
 */
import { defineConfig } from "vitest/config";
import { PATIENT } from "../support/patience.ts";

export default defineConfig({
  test: {
    ...PATIENT,
    name: "crash",
    root: new URL("../..", import.meta.url).pathname,
    environment: "node",
    include: ["tests/crash/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 600_000,
  },
});
