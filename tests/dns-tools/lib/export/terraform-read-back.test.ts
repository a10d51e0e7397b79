/**
 * Terraform's files as HashiCorp's own parser reads them: the records in them are the plan's, whatever is in a text.
 *
 * The parser is HCL 2 compiled to JavaScript. A template in its answer is worked out, if it can be: `${1}` that was not
 * escaped comes back as `1`.
 */
import fc from "fast-check";
import * as hcl from "hcl2-parser";
import { expect, test } from "vitest";
import { z } from "zod";
import { formatTerraform, type TerraformProvider } from "#dns/export/terraform.ts";
import { isEdit, type Edit, type MailRecord } from "#dns/zone.ts";
import { dotted, lineFrom, lineOf, plans } from "./read-back-plans.ts";

const parseHcl: (text: string) => unknown = hcl.parseToString;

/** The blocks of a file, of a kind with two labels, or without. */
const File = z.strictObject({
  variable: z.record(z.string(), z.tuple([z.strictObject({ type: z.literal("${string}") })])),
  resource: z.record(z.string(), z.record(z.string(), z.tuple([z.record(z.string(), z.unknown())]))).default({}),
  import: z.array(z.strictObject({ to: z.string(), id: z.string() })).default([]),
});
const read = (text: string): z.infer<typeof File> => {
  const [json] = z.tuple([z.string(), z.null()], { error: `no HCL:\n${text}` }).parse(parseHcl(text));
  return File.parse(JSON.parse(json));
};

/** One string after another, with `\NNN` in base 8; the provider adds the outermost quotes. */
const fromRoute53 = (name: string, type: string, value: string): string => {
  if (type !== "TXT") return lineFrom(name, type, value);
  const strings = `"${value}"`.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
  const decimal = (_: string, octal: string): string => `\\${String(Number.parseInt(octal, 8)).padStart(3, "0")}`;
  // Both bases are told apart by what stands before them only: a backslash that is no other's.
  return lineFrom(name, type, strings.join(" ").replaceAll(/(?<=(?<!\\)(?:\\\\)*)\\([0-7]{3})/g, decimal));
};

const Cloudflare = z.strictObject({
  zone_id: z.literal("${var.zone_id}"),
  name: z.string(),
  type: z.enum(["CNAME", "MX", "TXT"]),
  content: z.string(),
  priority: z.int().optional(),
  ttl: z.literal(3600),
});
const Route53 = z.strictObject({
  zone_id: z.literal("${var.zone_id}"),
  name: z.string(),
  type: z.enum(["CNAME", "MX", "TXT"]),
  ttl: z.literal(3600),
  records: z.array(z.string()),
  allow_overwrite: z.literal(true).optional(),
});
const Google = z.strictObject({
  managed_zone: z.literal("${var.managed_zone}"),
  name: z.string().endsWith("."),
  type: z.enum(["CNAME", "MX", "TXT"]),
  ttl: z.literal(3600),
  rrdatas: z.array(z.string()),
});

const READERS: Record<TerraformProvider, { resource: string; read: (block: unknown) => string[]; whole: boolean }> = {
  cloudflare: {
    resource: "cloudflare_dns_record",
    read: (block) => {
      const { name, type, content, priority } = Cloudflare.parse(block);
      const data = [...(priority === undefined ? [] : [priority]), type === "TXT" ? content : dotted(content)].join(
        " ",
      );
      return [lineFrom(name, type, data)];
    },
    whole: false,
  },
  route53: {
    resource: "aws_route53_record",
    read: (block) => {
      const { name, type, records } = Route53.parse(block);
      return records.map((value) => fromRoute53(name, type, value));
    },
    whole: true,
  },
  google: {
    resource: "google_dns_record_set",
    read: (block) => {
      const { name, type, rrdatas } = Google.parse(block);
      return rrdatas.map((data) => lineFrom(name.slice(0, -1), type, data));
    },
    whole: true,
  },
};

/** Whether there is a set of the record's name and type already. */
const hasSet = (edit: Edit): boolean =>
  edit.beside.length > 0 || (edit.kind === "replace" && edit.from.some(({ type }) => type === edit.to.type));

for (const provider of ["cloudflare", "route53", "google"] as const)
  test(`for ${provider}, any plan`, () => {
    const { resource, read: readBlock, whole } = READERS[provider];
    fc.assert(
      fc.property(plans, (changes) => {
        const file = read(formatTerraform(changes, provider));
        const blocks = Object.values(file.resource[resource] ?? {}).flat();
        expect(Object.keys(file.resource)).toEqual(blocks.length > 0 ? [resource] : []);
        const edits = changes.filter(isEdit);
        const wanted = edits.map(({ to, beside }): MailRecord[] => (whole ? [to, ...beside] : [to]));
        // Names of blocks are in the order of the alphabet.
        const lines = (sets: readonly string[][]): string[] => sets.map((set) => set.join("\n")).toSorted();
        expect(lines(blocks.map(readBlock))).toEqual(lines(wanted.map((set) => set.map(lineOf))));
        const sets = edits.filter(hasSet);
        if (provider === "route53")
          expect(blocks.filter((block) => block["allow_overwrite"] === true)).toHaveLength(sets.length);
        if (provider === "google")
          expect(file.import.map(({ id }) => id).toSorted()).toEqual(
            sets.map(({ to }) => `\${var.managed_zone}/${to.name}./${to.type}`).toSorted(),
          );
        else expect(file.import).toEqual([]);
        for (const { to } of file.import) {
          const [, imported = ""] = /^\$\{google_dns_record_set\.(.*)\}$/.exec(to) ?? [];
          expect(file.resource[resource], to).toHaveProperty([imported]);
        }
      }),
      { numRuns: 60 },
    );
  });
