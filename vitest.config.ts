/**
 * The tests that need nothing but npm: `npm test`.
 *
 * unit         pure code and single parts, in Node
 * objects      Durable Objects inside workerd, from wrangler.toml
 * dns-workerd  the DNS library's tests of `unit` again, inside workerd
 * journeys     the whole system as `npm start` runs it; on loopback, over real SMTP
 */
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { PATIENT } from "./tests/support/patience.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...PATIENT,
          name: "unit",
          environment: "node",
          // No part keeps state of its own, and an isolate for each file would take a second each.
          isolate: false,
          include: ["tests/*.test.ts", "tests/{contract,gateway,relay-node,dns-tools}/**/*.test.ts"],
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                HIKYAKU_ADMIN_TOKEN: "test-admin-token-0123456789",
                HIKYAKU_MASTER_KEY: "test-master-key-0123456789-0123456789-0123",
              },
            },
          }),
        ],
        // Files share a workerd, so the directory may hold what another file left: a test looks for its own alone.
        test: { ...PATIENT, name: "objects", include: ["tests/objects/**/*.test.ts"], isolate: false },
      },
      {
        plugins: [cloudflareTest({ miniflare: { compatibilityDate: "2026-10-01" } })],
        test: {
          ...PATIENT,
          name: "dns-workerd",
          include: ["tests/dns-tools/lib/**/*.test.ts"],
          exclude: [
            // Runs a program of the machine.
            "tests/dns-tools/lib/export/named-checkzone.test.ts",
            // Runs JavaScript from a text, which workerd does not allow.
            "tests/dns-tools/lib/export/dnscontrol.test.ts",
            // Programs of Node read what the library wrote.
            "tests/dns-tools/lib/export/*-read-back.test.ts",
          ],
          // The library keeps no state, and an isolate for each file would take half a second each.
          isolate: false,
        },
      },
      {
        test: {
          ...PATIENT,
          name: "journeys",
          environment: "node",
          include: ["tests/journeys/**/*.test.ts"],
          // Each file runs a whole stack; more of them at once measure the machine, not the mail.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
