#!/usr/bin/env node
/**
 * `hikyaku`: the operator's and the owner's command line. All of it is in cli/program.ts.
 */
import { runCli } from "./cli/program.ts";

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  out: (text) => process.stdout.write(`${text}\n`),
  // `styleText` asks NO_COLOR and FORCE_COLOR too; here only whether a person reads.
  colours: process.stdout.isTTY && !process.env["NO_COLOR"],
  err: (text) => process.stderr.write(`${text}\n`),
});
