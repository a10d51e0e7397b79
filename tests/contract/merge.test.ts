/** Merging: what is a placeholder and what only looks like one, what is escaped, and that values stay values. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compile,
  compileReserved,
  hasMisspeltPlace,
  merge,
  missingIn,
  placeholdersIn,
  unsubscribePlaces,
  Variables,
} from "#contract/merge.ts";
import { isReservedVariable, unsubscribeVariables } from "#contract/unsubscribe-place.ts";
import { cpuMs } from "../support/cpu-time.ts";

const VARIABLES = { name: "Ada", total: 42, tag: `<b title="x">'&'</b>`, empty: "" };

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/);
/** Text in which braces, bars and names are dense. */
const braced = fc
  .array(fc.constantFrom("{", "{{", "{{{", "}", "}}", "}}}", "|", " ", "\n", "name", "tag", "a b", "é", "<"), {
    maxLength: 40,
  })
  .map((pieces) => pieces.join(""));
const anything = fc.oneof(braced, fc.string({ unit: "binary", maxLength: 60 }));

describe("a placeholder", () => {
  const check = (text: string, html: string, plain = html): void => {
    expect(merge(text, VARIABLES, "html"), text).toBe(html);
    expect(merge(text, VARIABLES, "plain"), text).toBe(plain);
  };

  test("becomes its value, wherever it stands", () => {
    check("{{name}}", "Ada");
    check("Dear {{name}}, {{name}}!", "Dear Ada, Ada!");
    check("{{name}}{{total}}", "Ada42");
    check("[{{empty}}]", "[]");
    check("{{ name }}{{\tname}}{{\r\n  name\r\n}}{{\u00a0name}}", "AdaAdaAdaAda");
  });

  test("is escaped in HTML, and not in plain text; three braces say that it is HTML itself", () => {
    const escaped = "&lt;b title=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;";
    check("{{tag}}", escaped, VARIABLES.tag);
    check("{{{tag}}}", VARIABLES.tag);
    check("{{{ tag }}}", VARIABLES.tag);
    check("{{none|<b>}}", "&lt;b&gt;", "<b>");
    check("{{{none|<b>}}}", "<b>");
  });

  test("has a fallback for no value, not for an empty one; with neither it is nothing", () => {
    check("{{none|dear friend}}", "dear friend");
    check("{{ none | dear friend }}", "dear friend");
    check("{{none|}}", "");
    check("{{none|a|b}}", "a|b");
    check("{{name|friend}}", "Ada");
    check("[{{empty|friend}}]", "[]");
    check("[{{none}}]", "[]");
  });

  test("numbers are written as they are", () => {
    const checkNumber = (value: number, expected: string): void =>
      expect(merge("{{n}}", { n: value }, "html")).toBe(expected);
    checkNumber(0, "0");
    checkNumber(-1.5, "-1.5");
    checkNumber(1e21, "1e+21");
  });

  test("what only looks like one stays, byte for byte", () => {
    const same = (text: string): void => check(text, text);
    for (const text of ["", "{", "}}", "{}", "{{", "{{}}", "{{ }}", "{{{}}}", "{{|x}}", "{{name", "{{name}", "{name}"])
      same(text);
    for (const text of ["{{ a b }}", "{{1a}}", "{{a-b}}", "{{a.b}}", "{{#if name}}", "{{/if}}", "{{é}}", "{{name|{}}"])
      same(text);
    for (const text of ["@media print{p{color:red}}", "a{b:c}d{{e:f}}", "\0\r\n\ud800", `{{${"n".repeat(65)}}}`])
      same(text);
    same(`{{name|${"x".repeat(1001)}}}`);
    same(`{{name${" ".repeat(1100)}}}`);
  });

  test("braces beside one are text", () => {
    check("{ {{name}} }", "{ Ada }");
    check("{{name}}}", "Ada}");
    check("{{{name}}", "{Ada");
    check("{{x {{name}} y}}", "{{x Ada y}}");
    check("{{{{tag}}}}", `{${VARIABLES.tag}}`);
    check("p{{color:red}} {{name}}", "p{{color:red}} Ada");
  });
});

test("names of every object's properties are no variables that somebody gave", () => {
  for (const inherited of ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"]) {
    expect(merge(`[{{${inherited}}}]`, {}, "plain")).toBe("[]");
    expect(merge(`{{${inherited}|none}}`, {}, "html")).toBe("none");
    expect(missingIn([`{{${inherited}}}`], {})).toBe(inherited);
    const given: unknown = JSON.parse(`{"${inherited}":"mine"}`);
    // zod leaves `__proto__` out: then it is missing, and never anything else.
    const expected = inherited === "__proto__" ? "" : "mine";
    expect(merge(`{{${inherited}}}`, Variables.parse(given), "plain")).toBe(expected);
  }
});

test("the first that is missing is named, without its fallback only", () => {
  const check = (texts: string[], expected: string | undefined): void => {
    expect(missingIn(texts, VARIABLES)).toBe(expected);
    expect(missingIn(texts.map(compile), VARIABLES)).toBe(expected);
  };
  check([], undefined);
  check(["{{name}} {{{empty}}}", "{{total}}"], undefined);
  check(["{{none|x}} {{none|}}"], undefined);
  check(["{{ a b }} {{}}"], undefined);
  check(["{{name}}", "{{b}} {{a}}", "{{c}}"], "b");
  check(["{{none|x}}{{{none}}}"], "none");
});

describe("the reserved names", () => {
  const URL_OF_ONE = "https://mail.test/u/x?a=1&b='2'";
  const LINK = unsubscribeVariables(URL_OF_ONE);

  test("are ours and Resend's, as they are written", () => {
    for (const name of ["unsubscribe_url", "RESEND_UNSUBSCRIBE_URL"]) expect(isReservedVariable(name)).toBe(true);
    for (const name of ["UNSUBSCRIBE_URL", "unsubscribe_url_", "unsubscribe", "name", "constructor"])
      expect(isReservedVariable(name)).toBe(false);
  });

  test("stand for the link, which is text in HTML whatever the braces, and no other name is merged", () => {
    const check = (text: string, html: string, plain: string, places: number): void => {
      const compiled = compileReserved(text);
      expect(merge(compiled, LINK, "html"), text).toBe(html);
      expect(merge(compiled, LINK, "plain"), text).toBe(plain);
      expect([unsubscribePlaces(text), unsubscribePlaces(compile(text))]).toEqual([places, places]);
    };
    const escaped = "https://mail.test/u/x?a=1&amp;b=&#39;2&#39;";
    check("{{unsubscribe_url}}", escaped, URL_OF_ONE, 1);
    check("<{{{RESEND_UNSUBSCRIBE_URL}}}>", `<${escaped}>`, `<${URL_OF_ONE}>`, 1);
    check("{{ unsubscribe_url|#none }}{{{\nunsubscribe_url }}}", escaped + escaped, URL_OF_ONE + URL_OF_ONE, 2);
    for (const text of [
      "{{name}}",
      "{{{name|x}}}",
      "{{UNSUBSCRIBE_URL}}",
      "{unsubscribe_url}",
      "{{unsubscribe_url}",
      "%7B%7Bname%7D%7D %7B%7Bunsubscribe_url_de%7D%7D %7Bunsubscribe_url%7D unsubscribe_url",
      "",
    ])
      check(text, text, text, 0);
    check("{{name}}{{unsubscribe_url}}{{{x}}}", `{{name}}${escaped}{{{x}}}`, `{{name}}${URL_OF_ONE}{{{x}}}`, 1);
    check("{{{{unsubscribe_url}}}}", `{${escaped}}`, `{${URL_OF_ONE}}`, 1);
    // As an editor writes an `href`.
    check('"%7B%7Bunsubscribe_url%7d%7D"', `"${escaped}"`, `"${URL_OF_ONE}"`, 1);
    check("%7b%7B%7B%20RESEND_UNSUBSCRIBE_URL%20%7D%7d%7D%7B", `${escaped}%7B`, `${URL_OF_ONE}%7B`, 1);
  });

  test("beside braces in another spelling are told from places, from mentions and from other names", () => {
    const check = (text: string, expected: boolean): void => {
      expect(hasMisspeltPlace(compileReserved(text)), text).toBe(expected);
    };
    for (const name of ["unsubscribe_url", "RESEND_UNSUBSCRIBE_URL"]) {
      for (const text of [`{{${name}}}`, `{{{ ${name}|x }}}`, `%7B%7B${name}%7D%7D`, `<a href="{{${name}}}#a">`])
        check(text, false);
      for (const text of [name, `"${name}"`, `{{a}} ${name} {{b}}`, `{"${name}":1}`, `<b>${name}</b>`, `?${name}=1`])
        check(text, false);
      for (const text of [`{{my_${name}}}`, `{{${name}_de}}`, `{{${name}s}}`, `{{#if a}}{{${name}}}{{/if}}`])
        check(text, false);
      for (const text of [
        `{{${name}`,
        `{${name}}}`,
        `{ {${name}} }`,
        `{{#if ${name}}}`,
        `{{a.${name}}}`,
        `{{- ${name} -}}`,
      ])
        check(text, true);
      for (const text of [
        `&#123;&#123;${name}}}`,
        `&#x7b;&#X7B;${name}`,
        `&lbrace;&lcub;${name}`,
        `{${name}&rcub;&#125;`,
      ])
        check(text, true);
      for (const text of [`%7B%7B+${name}+%7D%7D`, `%7B%7B%C2%A0${name}%7D%7D`]) check(text, true);
      // Mail about code.
      for (const text of [
        `{${name}}`,
        `f(){return ${name}}`,
        `$\{${name}}`,
        `https://x.test/{?${name}}`,
        `&#123;${name}&#125;`,
      ])
        check(text, false);
      for (const text of [`{"x":{"url":${name}}}`, `{\n  ${name}\n}`, `p{color:red}<b>${name}</b>}`])
        check(text, false);
      for (const text of [`%257B%257B${name}`, `%7B%7B${name}}}`, `{{${name}%7d%7D`, `%7B%7B%7B%7B${name}%7D%7D%7D%7D`])
        check(text, true);
      for (const text of [`{{<b class="x">${name}</b>}}`, `{{&nbsp;${name}}}`, `{{{${name}}}`, `{{${name}}}}`])
        check(text, true);
    }
    for (const text of [
      "{{unsubscribe\\_url}}",
      "{{UNSUBSCRIBE_URL}}",
      "{{Unsubscribe_Url}}",
      "{{{resend_unsubscribe_url}}}",
    ])
      check(text, true);
    // In what is merged that is a variable of somebody's own.
    expect(hasMisspeltPlace(compile("{{UNSUBSCRIBE_URL}}"))).toBe(false);
    expect(hasMisspeltPlace(compile("{{a}}{{unsubscribe_url}}{{b}}"))).toBe(false);
    expect(hasMisspeltPlace(compile("{{a}}&#123;&#123;unsubscribe_url"))).toBe(true);
  });
});

test("the names a text asks for, each once, in their order", () => {
  const check = (text: string, expected: string[]): void => expect(placeholdersIn(text)).toEqual(expected);
  check("no {braces}", []);
  check("{{b}}{{a|x}}{{{b}}}{{ c }}{{ d e }}", ["b", "a", "c"]);
  check("{{__proto__}}{{constructor}}", ["__proto__", "constructor"]);
});

test("names and values have their bounds", () => {
  const check = (variables: unknown, expected: boolean): void =>
    expect(Variables.safeParse(variables).success, JSON.stringify(variables)).toBe(expected);
  for (const good of [{}, { a: "" }, { _: 1 }, { ["n".repeat(64)]: "x".repeat(10_000) }]) check(good, true);
  for (const bad of [{ "": "x" }, { "a b": "x" }, { "1": "x" }, { ["n".repeat(65)]: "x" }, { a: "x".repeat(10_001) }])
    check(bad, false);
  for (const bad of [{ a: null }, { a: true }, { a: ["x"] }, { a: {} }, { a: Number.NaN }, [], "a", null])
    check(bad, false);
});

describe("whatever the text and the values", () => {
  test("without a placeholder it is the same", () => {
    fc.assert(
      fc.property(anything, (text) => {
        fc.pre(placeholdersIn(text).length === 0);
        expect(merge(text, VARIABLES, "html")).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test("literal pieces and placeholders stand in their order, and nothing is lost between", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary", maxLength: 20 }).map((text) => ({ written: text.replaceAll(/[{}]/g, ""), name: "" })),
      fc.tuple(name, fc.constantFrom("", " ", "\n ")).map(([found, space]) => ({
        written: `{{${space}${found}${space}}}`,
        name: found,
      })),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const given = new Map(pieces.flatMap((each) => (each.name === "" ? [] : [[each.name, `<${each.name}>`]])));
        fc.pre(!given.has("__proto__"));
        const text = pieces.map(({ written }) => written).join("");
        const expected = pieces.map((each) => (each.name === "" ? each.written : `<${each.name}>`)).join("");
        expect(merge(text, Object.fromEntries(given), "plain")).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("nothing of a value is markup in HTML", () => {
    fc.assert(
      fc.property(anything, fc.string({ unit: "binary", maxLength: 60 }), (value, more) => {
        const merged = merge("{{a}}{{b|}}{{ a }}", { a: value, b: more }, "html");
        expect(merged).not.toMatch(/[<>"']/);
        expect(merged.replaceAll(/&(amp|lt|gt|quot|#39);/g, "")).not.toContain("&");
      }),
      { numRuns: 500 },
    );
  });

  test("a value is never merged again", () => {
    const value = fc.oneof(anything, fc.constantFrom("{{name}}", "{{{tag}}}", "{{", "}}", "{", "}", "|"));
    fc.assert(
      fc.property(value, value, (a, b) => {
        const variables = { ...VARIABLES, a, b };
        expect(merge("{{a}}{{b}}", variables, "plain")).toBe(a + b);
        expect(merge("{{{a}}}name{{{b}}}", variables, "html")).toBe(`${a}name${b}`);
      }),
      { numRuns: 500 },
    );
  });

  test("compiled before or not is the same, as often as it is merged", () => {
    fc.assert(
      fc.property(anything, fc.constantFrom("html" as const, "plain" as const), (text, as) => {
        const compiled = compile(text);
        const merged = merge(text, VARIABLES, as);
        expect([merge(compiled, VARIABLES, as), merge(compiled, VARIABLES, as)]).toEqual([merged, merged]);
      }),
    );
  });
});

test("a megabyte of the worst braces takes milliseconds", () => {
  const fill = (unit: string): string => unit.repeat(Math.ceil(1_000_000 / unit.length));
  const check = (text: string): void => {
    const fromMs = cpuMs();
    for (const compiled of [compile(text), compileReserved(text)]) hasMisspeltPlace(compiled);
    // They take a tenth of it; what is quadratic takes minutes.
    expect(cpuMs() - fromMs, text.slice(0, 20)).toBeLessThan(1000);
  };
  check(fill("{"));
  check(`${fill("{")}}}`);
  check(fill("{{}}"));
  check(fill("}"));
  check(fill(`${"{{".repeat(540)}}}`));
  check(fill(`${"{{a|".repeat(270)}}}`));
  check(fill(`{{a${" ".repeat(1080)}x}}`));
  check(fill(`{{${"a".repeat(1090)}}}`));
  check(fill("{{{name}}}"));
  for (const named of [
    "{{a}}",
    "{",
    "%7B",
    "%7b%7B%20",
    "unsubscribe_url ",
    "{ <",
    "{<{>",
    "{ <b>&nbsp;",
    "<".repeat(300),
  ])
    check(`${fill(named)} unsubscribe_url`);
  check(`${fill("{{UNSUBSCRIBE_URL")} unsubscribe_url`);
  check(`${fill(" unsubscribe_url ".padEnd(300))} unsubscribe_url`);
});
