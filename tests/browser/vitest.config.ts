/**
 * `npm run test:browser`: the pages in a real Chromium of the machine. Without one the tests are skipped, and say so.
 */
import { defineConfig } from "vitest/config";
import { PATIENT } from "../support/patience.ts";

export default defineConfig({
  test: {
    ...PATIENT,
    name: "browser",
    root: new URL("../..", import.meta.url).pathname,
    environment: "node",
    include: ["tests/browser/**/*.test.ts"],
    fileParallelism: false,
  },
});
