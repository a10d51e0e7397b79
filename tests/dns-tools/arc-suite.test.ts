/**
 * ARC (RFC 8617) by its public suite, which lies beside the repository: mailauth in its strictest settings, asking the
 * DNS through our port, says of each message what the suite says, but for those listed here.
 *
 * Those are held to what mailauth says instead, so one that comes to agree with the suite is red.
 */
import { existsSync, readFileSync } from "node:fs";
import { authenticate, type ARCResult } from "mailauth";
import { describe, expect, test } from "vitest";
import { recordedResolver, type RecordedZone } from "#resolvers/recorded.ts";
import { parseArcSuite } from "./support/arc-suite.ts";
import { mailauthResolver } from "./support/mailauth-resolver.ts";
import { vectorPath } from "./support/public-vectors.ts";

const SUITE = process.env["HIKYAKU_ARC_SUITE"] ?? vectorPath("arc/arc-draft-validation-tests.yml");
const isThere = existsSync(SUITE);
if (!isThere) console.log(`skipped: the ARC suite is not at ${SUITE}`);
const scenarios = isThere ? parseArcSuite(readFileSync(SUITE, "utf8")) : [];

/** Messages that pass by the suite, which was written against drafts; why they fail, and mailauth's word for it. */
const FAILING = new Map([
  // RFC 6376 §3.5: without c= it is simple/simple; this one was signed relaxed/relaxed.
  ["ams_fields_c_na", "bad signature"],
  // RFC 6376 §5.4: From must be signed; this one's h= is empty.
  ["ams_fields_h_empty", "From field not signed"],
]);

/** The suite gives these no result. A seal's cv= that is `fail` fails the chain (RFC 8617 §5.2, steps 2 and 3). */
const WITHOUT_RESULT = ["cv_fail_i1_as_cv_fail", "cv_fail_i2_as2_fail", "cv_fail_i2_as1_fail"];

const validate = async (message: string, zone: RecordedZone): Promise<ARCResult> => {
  const resolver = mailauthResolver(recordedResolver(zone));
  const settings = { resolver, mta: "mta.test", strict: true, disableDmarc: true, disableBimi: true };
  const { arc } = await authenticate(message, settings);
  if (!arc) throw new Error("mailauth gave no ARC result");
  return arc;
};

describe.skipIf(!isThere)("the ARC suite", () => {
  const all = scenarios.flatMap(({ tests }) => tests);

  test("is all there", () => {
    expect(scenarios.length).toBe(10);
    expect(all.length).toBe(171);
    expect(all.filter(({ result }) => result === "").map(({ name }) => name)).toEqual(WITHOUT_RESULT);
    const passing = all.filter(({ result }) => result === "pass").map(({ name }) => name);
    expect(passing).toEqual(expect.arrayContaining([...FAILING.keys()]));
  });

  for (const { tests, zone } of scenarios)
    for (const { name, message, result } of tests) {
      const reason = FAILING.get(name);
      if (reason === undefined)
        test(name, async () => {
          const { status } = await validate(message, zone);
          expect(status.result).toBe(result === "" ? "fail" : result);
        });
      else
        test(`${name}, which fails: ${reason}`, async () => {
          const { status, signature } = await validate(message, zone);
          expect(status).toMatchObject({ result: "fail", comment: "i=1 no valid signature" });
          expect(signature).toMatchObject({ status: { comment: reason } });
        });
    }

  test("where the DNS has no keys no message passes", async () => {
    for (const { name, message, result } of all) {
      const { status } = await validate(message, {});
      expect(status.result, name).toBe(result === "none" ? "none" : "fail");
    }
  });
});
