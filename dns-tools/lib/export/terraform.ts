/**
 * A plan as Terraform (HCL), for the providers of Cloudflare, Route 53 and Google Cloud DNS.
 *
 * Cloudflare has a resource for each record; the others have one for each set of a name and type, so the records beside
 * ours are written out with them, or Terraform would delete those. What Terraform does not own it cannot take away:
 * that stands in comments, to be deleted by hand.
 */
import { isEdit, type Change, type Edit, type MailRecord } from "../zone.ts";
import {
  PUBLISHED_TTL_SECONDS,
  escapeOctets,
  formatData,
  formatName,
  formatRemovals,
  formatNotes,
} from "./zone-file.ts";

/** Whose resources: `cloudflare/cloudflare` 5, `hashicorp/aws`, `hashicorp/google`. */
export type TerraformProvider = "cloudflare" | "route53" | "google";

/** A whole file but for the provider's own set-up; the zone is a variable. */
export const formatTerraform = (changes: readonly Change[], provider: TerraformProvider): string => {
  const { variable, resource } = PROVIDERS[provider];
  const comment = (line: string): string => `# ${line}`;
  const blocks = [
    ...formatNotes(changes).map(comment),
    `variable "${variable}" {\n  type = string\n}`,
    ...changes
      .filter(isEdit)
      .map((edit) =>
        [
          ...removalsOf(edit, provider).map((removal) => comment(`Delete by hand, before: ${removal}`)),
          resource(edit),
        ].join("\n"),
      ),
  ];
  return `${blocks.join("\n\n")}\n`;
};

/** Where sets are written whole, only what is of another type has to go by hand. */
const removalsOf = (edit: Edit, provider: TerraformProvider): string[] =>
  provider === "cloudflare" || (edit.kind === "replace" && edit.from.some(({ type }) => type !== edit.to.type))
    ? formatRemovals(edit)
    : [];

/** Whether the host has a set of this name and type already. */
const hasSet = (edit: Edit): boolean =>
  edit.beside.length > 0 || (edit.kind === "replace" && edit.from.some(({ type }) => type === edit.to.type));

const cloudflareResource = ({ to }: Edit): string =>
  block("cloudflare_dns_record", to, [
    ["zone_id", "var.zone_id"],
    ["name", quote(to.name)],
    ["type", quote(to.type)],
    ["content", quote(to.type === "TXT" ? formatData(to) : to.type === "MX" ? to.data.exchange : to.data)],
    ...(to.type === "MX" ? [["priority", String(to.data.preference)] as const] : []),
    ["ttl", String(PUBLISHED_TTL_SECONDS)],
  ]);

/** The provider puts quotes around a TXT value itself; between its strings they have to be there. */
const route53Data = (record: MailRecord): string =>
  record.type === "TXT" ? record.data.map((octets) => escapeOctets(octets, "octal")).join('""') : formatData(record);

const route53Resource = (edit: Edit): string =>
  block("aws_route53_record", edit.to, [
    ["zone_id", "var.zone_id"],
    ["name", quote(edit.to.name)],
    ["type", quote(edit.to.type)],
    ["ttl", String(PUBLISHED_TTL_SECONDS)],
    ["records", list([edit.to, ...edit.beside].map(route53Data))],
    ...(hasSet(edit) ? [["allow_overwrite", "true"] as const] : []),
  ]);

const googleResource = (edit: Edit): string => {
  const { to } = edit;
  const resource = block("google_dns_record_set", to, [
    ["managed_zone", "var.managed_zone"],
    ["name", quote(formatName(to.name))],
    ["type", quote(to.type)],
    ["ttl", String(PUBLISHED_TTL_SECONDS)],
    ["rrdatas", list([to, ...edit.beside].map(formatData))],
  ]);
  if (!hasSet(edit)) return resource;
  const id = `"\${var.managed_zone}/${formatName(to.name)}/${to.type}"`;
  return `import {\n  to = google_dns_record_set.${label(to)}\n  id = ${id}\n}\n\n${resource}`;
};

const PROVIDERS: Record<TerraformProvider, { variable: string; resource: (edit: Edit) => string }> = {
  cloudflare: { variable: "zone_id", resource: cloudflareResource },
  route53: { variable: "zone_id", resource: route53Resource },
  google: { variable: "managed_zone", resource: googleResource },
};

/** Another one for another record: labels of names do not begin or end with a hyphen. */
const label = ({ name, type }: MailRecord): string =>
  `hikyaku-${type.toLowerCase()}-${name.replaceAll("-", "--").replaceAll(".", "-")}`;

const block = (
  type: string,
  record: MailRecord,
  settings: readonly (readonly [name: string, value: string])[],
): string => {
  const width = Math.max(...settings.map(([name]) => name.length));
  const lines = settings.map(([name, value]) => `  ${name.padEnd(width)} = ${value}\n`);
  return `resource "${type}" "${label(record)}" {\n${lines.join("")}}`;
};

const list = (values: readonly string[]): string => `[${values.map(quote).join(", ")}]`;

/** The values are printable ASCII; `${` and `%{` would begin a template. */
const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&").replaceAll(/[$%](?=\{)/g, "$&$&")}"`;
