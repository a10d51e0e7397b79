import { expect, test } from "vitest";
import { planAsJson } from "#dns/export/json.ts";
import { SAMPLE } from "./sample-plan.ts";

test("the sample", async () => {
  await expect(`${JSON.stringify(planAsJson(SAMPLE), undefined, 2)}\n`).toMatchFileSnapshot(
    "../../../vectors/export/sample.json",
  );
});
