/** JSON as `JSON.parse` reads it, the plan's own and the calls for Cloudflare: the records in it are the plan's. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { cloudflareBatch } from "#dns/export/cloudflare.ts";
import { planAsJson } from "#dns/export/json.ts";
import { formatData } from "#dns/export/zone-file.ts";
import { isEdit, textOf, type MailRecord } from "#dns/zone.ts";
import { dotted, lineFrom, lineOf, plans } from "./read-back-plans.ts";

const Type = z.enum(["CNAME", "MX", "TXT"]);
const Record = z.strictObject({
  name: z.string(),
  type: Type,
  value: z.string(),
  priority: z.int().optional(),
  data: z.string(),
});
const Purpose = z.enum(["SPF", "DKIM", "DMARC"]);
const Change = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("keep"), purpose: Purpose, record: Record, caution: z.string().optional() }),
  z.strictObject({
    action: z.literal("add"),
    purpose: Purpose,
    record: Record,
    ttl: z.literal(3600),
    caution: z.string().optional(),
  }),
  z.strictObject({
    action: z.literal("replace"),
    purpose: Purpose,
    from: z.array(Record).min(1),
    record: Record,
    ttl: z.literal(3600),
    caution: z.string().optional(),
  }),
  z.strictObject({
    action: z.literal("conflict"),
    purpose: Purpose,
    name: z.string(),
    type: z.enum(["MX", "TXT"]),
    standing: z.array(Record),
    text: z.string(),
  }),
  z.strictObject({
    action: z.literal("unknown"),
    purpose: Purpose,
    name: z.string(),
    type: z.enum(["MX", "TXT"]),
    reason: z.string(),
  }),
]);
const Batch = z.strictObject({
  deletes: z.array(z.strictObject({ id: z.string() })),
  patches: z.array(z.strictObject({ id: z.string(), content: z.string(), priority: z.int().optional() })),
  posts: z.array(
    z.strictObject({
      name: z.string(),
      type: Type,
      ttl: z.literal(3600),
      content: z.string(),
      priority: z.int().optional(),
    }),
  ),
});

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const read = ({ name, type, data }: z.infer<typeof Record>): string => lineFrom(name, type, data);

test("any plan", () => {
  fc.assert(
    fc.property(plans, (changes) => {
      const steps = z.array(Change).parse(throughJson(planAsJson(changes)));
      expect(steps.map(({ action }) => action)).toEqual(changes.map(({ kind }) => kind));
      for (const [at, change] of changes.entries()) {
        const step = steps[at];
        if (change.kind === "unknown") {
          expect(step).toMatchObject({ name: change.name, type: change.type, reason: change.reason });
          continue;
        }
        if (change.kind === "conflict") {
          expect(step).toMatchObject({ name: change.name, type: change.type, text: change.text });
          expect(step?.action === "conflict" && step.standing.map(read)).toEqual(change.standing.map(lineOf));
          continue;
        }
        const record = change.kind === "keep" ? change.record : change.to;
        if (step === undefined || step.action === "unknown" || step.action === "conflict")
          throw new Error("a step without its record");
        expect(read(step.record)).toBe(lineOf(record));
        expect(step.record).toMatchObject({ name: record.name, value: textOf(record) });
        expect(step.caution).toBe(change.caution);
        if (change.kind === "replace")
          expect(step.action === "replace" && step.from.map(read)).toEqual(change.from.map(lineOf));
      }
    }),
  );
});

test("any plan, as Cloudflare's calls", () => {
  const content = (record: MailRecord): string => (record.type === "TXT" ? formatData(record) : textOf(record));
  fc.assert(
    fc.property(plans, (changes) => {
      const edits = changes.filter(isEdit);
      const gone = edits.flatMap((edit) => (edit.kind === "replace" ? edit.from : []));
      const listed = gone.map((record, at) => ({
        id: String(at),
        name: record.name,
        type: record.type,
        content: content(record),
        ...(record.type === "MX" && { priority: record.data.preference }),
      }));
      const result = cloudflareBatch(edits, "zone", listed);
      if (result.kind !== "call") throw new Error(result.kind);
      const { patches, posts } = Batch.parse(throughJson(result.call.body));
      const made = [...posts, ...patches.map((patch) => ({ ...listed[Number(patch.id)], ...patch }))].map(
        ({ name = "", type = "", content, priority }) =>
          lineFrom(
            name,
            type,
            type === "TXT" ? content : [...(priority === undefined ? [] : [priority]), dotted(content)].join(" "),
          ),
      );
      expect(made.toSorted()).toEqual(edits.map(({ to }) => lineOf(to)).toSorted());
    }),
  );
});
