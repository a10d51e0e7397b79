/**
 * A plan as files to download, one for each way that people keep their zones.
 */
import { formatDnscontrol } from "#dns/export/dnscontrol.ts";
import { planAsJson } from "#dns/export/json.ts";
import { formatOctodns } from "#dns/export/octodns.ts";
import { formatTerraform } from "#dns/export/terraform.ts";
import { formatZoneFile } from "#dns/export/zone-file.ts";
import type { Change } from "#dns/zone.ts";

export type Export = {
  /** In the path, `/export/zone`. */
  form: string;
  label: string;
  /** Behind the domain, in the file's name. */
  suffix: string;
  format: (changes: readonly Change[], domain: string) => string;
};

export const EXPORTS: readonly Export[] = [
  { form: "zone", label: "Zone file", suffix: ".zone", format: formatZoneFile },
  {
    form: "terraform-cloudflare",
    label: "Terraform, Cloudflare",
    suffix: "-cloudflare.tf",
    format: (changes) => formatTerraform(changes, "cloudflare"),
  },
  {
    form: "terraform-route53",
    label: "Terraform, Route 53",
    suffix: "-route53.tf",
    format: (changes) => formatTerraform(changes, "route53"),
  },
  {
    form: "terraform-google",
    label: "Terraform, Google Cloud DNS",
    suffix: "-google.tf",
    format: (changes) => formatTerraform(changes, "google"),
  },
  { form: "dnscontrol", label: "DNSControl", suffix: "-dnsconfig.js", format: formatDnscontrol },
  { form: "octodns", label: "octoDNS", suffix: ".yaml", format: formatOctodns },
  {
    form: "json",
    label: "JSON",
    suffix: ".json",
    format: (changes, domain) => `${JSON.stringify({ domain, changes: planAsJson(changes) }, undefined, 2)}\n`,
  },
];
