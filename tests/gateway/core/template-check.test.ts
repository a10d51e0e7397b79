/** Templates: what may be written into one, and what a send must bring, with the words of every refusal. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Variables } from "#contract/merge.ts";
import { problem, type ProblemCode } from "#contract/problem.ts";
import { TemplateVariable } from "#contract/template.ts";
import { checkTemplate, resolveVariables, type TemplateFields } from "../../../gateway/core/template-check.ts";

const FIELDS: TemplateFields = { subject: null, from: null, reply_to: null, variables: [] };

const NAME: TemplateVariable = { key: "name", type: "string" };
const TOTAL: TemplateVariable = { key: "total", type: "number", fallback_value: 0 };

test("what a template may have", () => {
  const check = (fields: Partial<TemplateFields>) => {
    expect(checkTemplate({ ...FIELDS, ...fields })).toBeUndefined();
  };
  check({});
  check({ subject: "Hello {{name}},\tyou owe {{total}}" });
  check({ from: "Shop <orders@shop.test>", reply_to: ["a@shop.test", '"Last, First" <b@shop.test>'] });
  check({ reply_to: [] });
  check({ variables: [NAME, TOTAL] });
});

test("what is refused, and the words for it", () => {
  const check = (fields: Partial<TemplateFields>, code: ProblemCode, words: string) => {
    expect(checkTemplate({ ...FIELDS, ...fields })).toEqual({
      kind: "problem",
      code,
      message: expect.stringContaining(words),
    });
  };
  check({ subject: "Hello\r\nBcc: all@shop.test" }, "validation_error", "`subject`");
  check({ subject: "Hello \0" }, "validation_error", "`subject`");
  check({ subject: "Hello \ud83d" }, "validation_error", "`subject`");
  check({ from: "Shop" }, "invalid_from_address", "`from`");
  check({ from: "" }, "invalid_from_address", "`from`");
  check({ from: "a@shop.test\r\nBcc: b@shop.test" }, "invalid_from_address", "`from`");
  check({ reply_to: ["a@shop.test", "nobody"] }, "validation_error", "`reply_to`");
  check({ variables: [NAME, TOTAL, { key: "name", type: "number" }] }, "validation_error", "`name` is declared twice");
  for (const key of ["unsubscribe_url", "RESEND_UNSUBSCRIBE_URL"])
    check({ variables: [NAME, { key, type: "string" }] }, "validation_error", `\`${key}\` is the service's own`);
});

test("a fallback has the type that is declared", () => {
  const check = (variable: object, fits: boolean) => {
    expect(TemplateVariable.safeParse(variable).success).toBe(fits);
  };
  check({ key: "a", type: "string", fallback_value: "1" }, true);
  check({ key: "a", type: "string", fallback_value: 1 }, false);
  check({ key: "a", type: "number", fallback_value: 1 }, true);
  check({ key: "a", type: "number", fallback_value: "1" }, false);
  check({ key: "a", type: "number", fallback_value: null }, true);
});

test("variables of a send: what it gives goes before fallbacks, and more than is declared is let through", () => {
  const check = (declared: TemplateVariable[], given: Variables, variables: Variables) => {
    expect(resolveVariables(declared, given)).toEqual({ kind: "variables", variables });
  };
  check([], {}, {});
  check([], { free: "x" }, { free: "x" });
  check([NAME, TOTAL], { name: "Ada" }, { name: "Ada", total: 0 });
  check([NAME, TOTAL], { name: "", total: 7, free: 1 }, { name: "", total: 7, free: 1 });
  check([{ key: "name", type: "string", fallback_value: "" }], {}, { name: "" });
});

test("variables of a send: refused when one is missing or of the other type", () => {
  const check = (declared: TemplateVariable[], given: Variables, message: string) => {
    expect(resolveVariables(declared, given)).toEqual(problem("validation_error", message));
  };
  check([TOTAL, NAME], {}, "Missing variable `name`.");
  check([{ key: "name", type: "string", fallback_value: null }], {}, "Missing variable `name`.");
  check([{ key: "constructor", type: "string" }], {}, "Missing variable `constructor`.");
  check([NAME], { name: 1 }, "The variable `name` must be a string, not a number.");
  check([TOTAL], { total: "1" }, "The variable `total` must be a number, not a string.");
});

test("what a send gives is never changed", () => {
  const given = Object.freeze<Variables>({ name: "Ada" });
  expect(resolveVariables([NAME, TOTAL], given)).toMatchObject({ kind: "variables" });
  expect(given).toEqual({ name: "Ada" });
});

test("with a fallback for each of its own type, no send is short of a variable", () => {
  const value = fc.oneof(fc.string(), fc.double({ noNaN: true }));
  const pairs = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z_]{1,8}$/), value), {
    selector: ([key]) => key,
    maxLength: 20,
  });
  fc.assert(
    fc.property(pairs, (fallbacks) => {
      const declared = fallbacks.map(([key, fallback_value]): TemplateVariable =>
        typeof fallback_value === "string"
          ? { key, type: "string", fallback_value }
          : { key, type: "number", fallback_value },
      );
      expect(resolveVariables(declared, {})).toEqual({ kind: "variables", variables: Object.fromEntries(fallbacks) });
    }),
  );
});
