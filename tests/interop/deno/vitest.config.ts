/** The DNS tools' tests of `npm test` for a vitest that runs on Deno: ../deno.test.ts starts it. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "dns-deno",
    root: new URL("../../..", import.meta.url).pathname,
    environment: "node",
    include: ["tests/dns-tools/{lib,resolvers}/**/*.test.ts"],
    setupFiles: ["tests/interop/deno/deno-only.ts", "tests/support/property-seed.ts"],
    // Worker threads of Deno lack what vitest ends them with.
    pool: "forks",
  },
});
