/**
 * The DNS tools on Deno: their own tests pass there, and the library, with the TypeScript and the `#dns/` imports read
 * by Deno itself and no permission given, finds what it finds on Node.
 */
import { execFile } from "node:child_process";
import { generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { findProgram } from "../bench/processes.ts";

const deno = findProgram("deno") ?? "";
if (deno === "") console.log("interop with Deno is skipped: npm install --no-save deno");

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OPTIONS = { cwd: ROOT, timeout: 100_000, maxBuffer: 2 ** 26, env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" } };
const run = promisify(execFile);

/** Deno's UDP sockets do not hear that a port is closed, so what fails at once on Node fails by its timeout there. */
const DIFFERENT = ["several servers the last failure is told; `not there` is an answer"];

const Report = z.object({
  numPassedTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});
const Results = z.looseObject({ runtime: z.enum(["Node", "Deno"]), zones: z.record(z.string(), z.json()) });

const asBase64 = ({ publicKey, privateKey }: KeyPairKeyObjectResult) => ({
  publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
  privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
});

describe.skipIf(deno === "")("Deno", () => {
  test("passes the DNS tools' own tests", async () => {
    const folder = mkdtempSync(join(tmpdir(), "hikyaku-deno-"));
    try {
      const file = join(folder, "report.json");
      const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "tests/interop/deno/vitest.config.ts"];
      // It ends with 1 for the tests that differ: the report says which.
      await run(deno, ["run", "-A", ...vitest, "--reporter=json", `--outputFile=${file}`], OPTIONS).catch(() => {});
      const report = Report.parse(JSON.parse(readFileSync(file, "utf8")));
      const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
      expect(tests.filter(({ status }) => status === "failed").map(({ fullName }) => fullName)).toEqual(DIFFERENT);
      // A file that could not be read has a message and no tests.
      expect(report.testResults.filter((result) => result.assertionResults.length === 0)).toEqual([]);
      expect(report.numPassedTests).toBeGreaterThan(1000);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("finds what Node finds", async () => {
    const keys = JSON.stringify({
      "rsa-sha256": asBase64(generateKeyPairSync("rsa", { modulusLength: 2048 })),
      "ed25519-sha256": asBase64(generateKeyPairSync("ed25519")),
    });
    const program = ["tests/interop/deno/dns-library.ts", keys];
    const onNode = await run(process.execPath, program, OPTIONS);
    const onDeno = await run(deno, ["run", "--no-prompt", ...program], OPTIONS);
    const node = Results.parse(JSON.parse(onNode.stdout));
    expect(node.runtime).toBe("Node");
    expect(Results.parse(JSON.parse(onDeno.stdout))).toEqual({ ...node, runtime: "Deno" });
  });
});
