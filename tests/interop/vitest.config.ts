/**
 * `npm run test:interop`: against real programs from Debian. What is missing is said by the test that needs it.
 */
import { defineConfig } from "vitest/config";
import { PATIENT } from "../support/patience.ts";

export default defineConfig({
  test: {
    ...PATIENT,
    name: "interop",
    root: new URL("../..", import.meta.url).pathname,
    environment: "node",
    include: ["tests/interop/**/*.test.ts"],
    fileParallelism: false,
  },
});
