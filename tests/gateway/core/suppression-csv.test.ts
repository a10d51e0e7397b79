/** Suppressions as CSV: read back as they were, no formulas, and whatever a line holds it is taken or refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { SuppressionSummary } from "#contract/suppression.ts";
import {
  CSV_HEADER,
  type CsvLayout,
  formatCsvRow,
  parseCsvHeader,
  parseCsvLine,
  parseCsvRow,
} from "../../../gateway/core/suppression-csv.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const NOW_MS = Date.parse("2026-11-24T12:00:00Z");

const layoutOf = (line: string): CsvLayout => {
  const layout = parseCsvHeader(line);
  if (layout.kind === "refused") throw new Error(layout.message);
  return layout;
};
const LAYOUT = layoutOf(CSV_HEADER.trimEnd());

const row = (email: string, more: Partial<SuppressionSummary> = {}): SuppressionSummary => ({
  ...{ id: "1", email, origin: "manual", source_id: null, stream: null },
  ...{ created_at: "2026-11-24T11:00:00.000Z", expires_at: null },
  ...more,
});

test("the values of a line (RFC 4180 §2)", () => {
  const check = (line: string, expected: string[] | undefined): void =>
    expect(parseCsvLine(line), line).toEqual(expected);
  check("a,b,c", ["a", "b", "c"]);
  check("", [""]);
  check(",", ["", ""]);
  check('"a,b",c', ["a,b", "c"]);
  check('"a ""b""",""', ['a "b"', ""]);
  check('a,"b', undefined);
  check('"a""', undefined);
  check('a"b,c"', ['a"b', 'c"']);
  check('"a" ,b', ["a ", "b"]);
});

test("the header: names in any case, order and company", () => {
  expect(layoutOf("email")).toEqual({ kind: "layout", email: 0 });
  expect(layoutOf('Reason, "E-Mail",EMAIL ,Expires_At,ORIGIN,stream')).toEqual({
    ...{ kind: "layout", email: 2, expires_at: 3, origin: 4, stream: 5 },
  });
  for (const line of ["", "e-mail", "address,stream", '"email'])
    expect(parseCsvHeader(line), line).toMatchObject({ kind: "refused", message: expect.stringContaining("`email`") });
});

test("a line of an import", () => {
  const check = (line: string, expected: object): void =>
    expect(parseCsvRow(line, LAYOUT, NOW_MS), line).toEqual(expected);
  const taken = { kind: "row", stream: undefined, origin: "manual", expiresMs: undefined };
  check("A@B.test", { ...taken, email: "a@b.test" });
  check("*@B.test,bulk,unsubscribe,whenever,2026-11-25T00:00:00Z", {
    ...{ kind: "row", email: "*@b.test", stream: "bulk", origin: "unsubscribe" },
    expiresMs: Date.parse("2026-11-25T00:00:00Z"),
  });
  check(" Ada <ada@b.test> , , ,,", { ...taken, email: "ada@b.test" });
  const refused = (message: string) => ({ kind: "refused", message });
  check("nobody", refused("`email` is not an address, or `*@example.com`."));
  check(",bulk", refused("`email` is not an address, or `*@example.com`."));
  check("a@b.test,fax", refused("`stream` is `transactional`, `bulk` or empty."));
  check("a@b.test,,whim", refused("`origin` is bounce, complaint, manual, unsubscribe or empty."));
  check("a@b.test,,,,tomorrow", refused("`expires_at` is not a time, or empty."));
  check("a@b.test,,,,2026-11-24T12:00:00Z", refused("`expires_at` lies in the past."));
  check('"a@b.test', refused("A quoted value does not end on its line."));
});

test("what a spreadsheet would take for a formula is written as a text", () => {
  const check = (email: string, cell: string): void => {
    const line = formatCsvRow(row(email));
    expect(line, email).toBe(`${cell},,manual,2026-11-24T11:00:00.000Z,\r\n`);
    expect(parseCsvRow(line.trimEnd(), LAYOUT, NOW_MS), email).toMatchObject({ kind: "row", email });
  };
  check("=cmd|x@b.test", "'=cmd|x@b.test");
  check("+1@b.test", "'+1@b.test");
  check("-1@b.test", "'-1@b.test");
  // One that was written so comes back so.
  check("'=1@b.test", "''=1@b.test");
  check("'a@b.test", "'a@b.test");
  check("a=b@b.test", "a=b@b.test");
  check("*@b.test", "*@b.test");
  check('"a, b"@b.test', '"""a, b""@b.test"');
});

const local = fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}$/);

test("what is written is read back, and no cell begins a formula", () =>
  fc.assert(
    fc.property(local, fc.constantFrom("transactional", "bulk", null), fc.boolean(), (name, stream, ends) => {
      const expires_at = ends ? "2026-12-24T12:00:00.000Z" : null;
      const line = formatCsvRow(row(`${name}@b.test`, { stream, expires_at, origin: "bounce" })).trimEnd();
      for (const cell of parseCsvLine(line) ?? []) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      expect(parseCsvRow(line, LAYOUT, NOW_MS)).toEqual({
        ...{ kind: "row", email: `${name}@b.test`, stream: stream ?? undefined, origin: "bounce" },
        expiresMs: ends ? Date.parse("2026-12-24T12:00:00.000Z") : undefined,
      });
    }),
  ));

test("any line is taken or refused", () =>
  fc.assert(
    fc.property(fc.string(), fc.string(), (header, line) => {
      const layout = parseCsvHeader(header);
      expect(["layout", "refused"]).toContain(layout.kind);
      expect(["row", "refused"]).toContain(parseCsvRow(line, LAYOUT, NOW_MS).kind);
    }),
  ));

test("a long line of quotes costs as much as it is long, and no more", () => {
  const line = `"${'""'.repeat(2_000_000)}`;
  const fromMs = cpuMs();
  expect(parseCsvLine(line)).toBeUndefined();
  expect(cpuMs() - fromMs).toBeLessThan(1000);
});
