// The end of a CI run: each failed test with its first words, each failed step, and the count of all tests.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const say = (line) => process.stdout.write(`${line}\n`);
const sum = { passed: 0, failed: 0, skipped: 0 };
const words = (messages) => (messages ?? []).join("\n").split("\n").slice(0, 12).join("\n    ").slice(0, 1_500);

for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  const run = JSON.parse(readFileSync(join(folder, file), "utf8"));
  sum.passed += run.numPassedTests;
  sum.failed += run.numFailedTests;
  sum.skipped += run.numPendingTests + run.numTodoTests;
  for (const suite of run.testResults) {
    for (const test of suite.assertionResults.filter((each) => each.status === "failed")) {
      say(`failed: ${suite.name} > ${test.fullName}\n    ${words(test.failureMessages)}`);
    }
    if (suite.status === "failed" && suite.assertionResults.every((each) => each.status !== "failed")) {
      say(`failed: ${suite.name}\n    ${words([suite.message])}`);
    }
  }
}
const steps = readFileSync(join(folder, "steps"), "utf8").trim();
if (steps !== "") say(steps);
// A step that failed without a failed test (format, types, a crash before any report) is one failure.
sum.failed = Math.max(sum.failed, steps === "" ? 0 : 1);
say(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed > 0 || sum.passed === 0 ? 1 : 0);
