/**
 * A record in the words of a DNS host's own form: what its fields are called there, and what goes into each.
 *
 * The table has what is known of a host and nothing guessed: a word that is not there is the generic one. A host is
 * known by the names of its name servers; who sells domains on another's servers looks like the other.
 */
import type { JsonRecord } from "./json.ts";
import { PUBLISHED_TTL_SECONDS, relativeName } from "./zone-file.ts";

export type FormWords = {
  /** What the field of the name is called; of the value; of an MX's host, and of its preference. */
  name: string;
  value: string;
  exchange: string;
  priority: string;
  /** What stands for the zone itself; empty: the field is left so. */
  apex: "@" | "";
  /** `quoted`: the form wants a TXT's strings in quotes, of at most 255 characters each (RFC 1035 §3.3). */
  txt: "whole" | "quoted";
  /** `joined`: an MX's preference and host go into one field. */
  mx: "apart" | "joined";
  /** A host name that does not end in a dot is taken for one below the zone (RFC 1035 §5.1). */
  dotted: boolean;
};

export type DnsHost = {
  name: string;
  /** A zone whose name servers all are of `servers` or `besides`, and one of `servers`, is here. */
  servers: RegExp;
  besides?: RegExp;
  /** Where its customers change records. */
  console?: string;
  words?: Partial<FormWords>;
};

const GENERIC: FormWords = {
  name: "Name",
  value: "Value",
  exchange: "Value",
  priority: "Priority",
  apex: "@",
  txt: "whole",
  mx: "apart",
  dotted: false,
};

const host = (name: string): Partial<FormWords> => ({ name });

export const DNS_HOSTS: readonly DnsHost[] = [
  {
    name: "Cloudflare",
    servers: /\.ns\.cloudflare\.com$/,
    console: "https://dash.cloudflare.com/",
    words: { value: "Content", exchange: "Mail server" },
  },
  {
    name: "Amazon Route 53",
    servers: /\.awsdns-\d+\.(com|net|org|co\.uk)$/,
    console: "https://aws.amazon.com/console/",
    words: { name: "Record name", apex: "", txt: "quoted", mx: "joined" },
  },
  // Squarespace took over Google Domains with its name servers.
  { name: "Google Cloud DNS, or Squarespace", servers: /^ns-cloud-[a-z]\d\.googledomains\.com$/ },
  {
    name: "Azure DNS",
    servers: /\.azure-dns\.(com|net|org|info)$/,
    console: "https://portal.azure.com/",
    words: { exchange: "Mail exchange", priority: "Preference" },
  },
  { name: "GoDaddy", servers: /\.domaincontrol\.com$/, console: "https://dcc.godaddy.com/" },
  {
    name: "Namecheap",
    servers: /\.registrar-servers\.com$/,
    console: "https://ap.www.namecheap.com/",
    words: host("Host"),
  },
  { name: "IONOS", servers: /\.ui-dns\.(com|org|de|biz)$/, words: { name: "Host name", exchange: "Points to" } },
  {
    name: "OVHcloud",
    servers: /\.(ovh\.net|ovh\.ca|anycast\.me)$/,
    console: "https://www.ovh.com/manager/",
    words: { name: "Sub-domain", exchange: "Target", apex: "", dotted: true },
  },
  {
    name: "Hetzner",
    servers: /\.(ns\.hetzner\.(com|de)|first-ns\.de|second-ns\.(com|de))$/,
    console: "https://accounts.hetzner.com/",
    words: { dotted: true },
  },
  { name: "Gandi", servers: /\.gandi\.net$/, console: "https://admin.gandi.net/", words: { dotted: true } },
  {
    name: "DigitalOcean",
    servers: /^ns\d\.digitalocean\.com$/,
    console: "https://cloud.digitalocean.com/networking/domains",
    words: host("Hostname"),
  },
  { name: "Vercel", servers: /\.vercel-dns(-\d+)?\.com$/, console: "https://vercel.com/dashboard/domains" },
  {
    name: "Squarespace",
    servers: /\.squarespacedns\.com$/,
    besides: /\.nsone\.net$/,
    console: "https://account.squarespace.com/domains",
    words: { name: "Host", value: "Data", exchange: "Data" },
  },
  // Netlify's zones are on NS1's servers.
  { name: "NS1, or Netlify", servers: /\.nsone\.net$/ },
  { name: "Wix", servers: /\.wixdns\.net$/, console: "https://manage.wix.com/", words: host("Host Name") },
  {
    name: "name.com",
    servers: /\.name\.com$/,
    console: "https://www.name.com/account/domain",
    words: { name: "Host", value: "Answer", exchange: "Answer" },
  },
  {
    name: "Porkbun",
    servers: /\.ns\.porkbun\.com$/,
    console: "https://porkbun.com/account/domainsSpeedy",
    words: { name: "Host", value: "Answer", exchange: "Answer", apex: "" },
  },
  {
    name: "DNSimple",
    servers: /\.(dnsimple\.com|dnsimple-edge\.(net|org))$/,
    console: "https://dnsimple.com/dashboard",
    words: { value: "Content", apex: "" },
  },
  {
    name: "Hover",
    servers: /^ns\d\.hover\.com$/,
    console: "https://www.hover.com/control_panel",
    words: host("Hostname"),
  },
  { name: "STRATO", servers: /\.rzone\.de$/, words: { name: "Präfix", value: "Wert", exchange: "Wert" } },
  { name: "Infomaniak", servers: /\.infomaniak\.(com|ch)$/, console: "https://manager.infomaniak.com/" },
  { name: "Akamai Edge DNS", servers: /\.akam\.net$/, console: "https://control.akamai.com/" },
  {
    name: "ClouDNS",
    servers: /\.cloudns\.(net|uk|biz|ph)$/,
    console: "https://www.cloudns.net/main/",
    words: { name: "Host", value: "Points to", exchange: "Points to", apex: "" },
  },
  {
    name: "Linode",
    servers: /^ns\d\.linode\.com$/,
    console: "https://cloud.linode.com/domains",
    words: { name: "Hostname", exchange: "Mail server", priority: "Preference" },
  },
  {
    name: "Vultr",
    servers: /^ns\d\.vultr\.com$/,
    console: "https://my.vultr.com/dns/",
    words: { value: "Data", exchange: "Data" },
  },
];

/** `text` is empty where the field is to be left empty. */
export type FormField = { label: string; text: string };

/** The fields in their order; `zone` is the zone's apex, which hosts add to each name themselves. */
export const formFields = (record: JsonRecord, zone: string, dnsHost: DnsHost | undefined): FormField[] => {
  const words = { ...GENERIC, ...dnsHost?.words };
  return [
    { label: words.name, text: relativeName(record.name, zone, words.apex) },
    { label: "Type", text: record.type },
    ...valueFields(record, words),
    { label: "TTL", text: String(PUBLISHED_TTL_SECONDS) },
  ];
};

const valueFields = ({ type, value, data, priority = 0 }: JsonRecord, words: FormWords): FormField[] => {
  if (type === "TXT") return [{ label: words.value, text: words.txt === "quoted" ? data : value }];
  const target = words.dotted ? `${value}.` : value;
  if (type === "CNAME") return [{ label: words.value, text: target }];
  if (words.mx === "joined") return [{ label: words.value, text: `${priority} ${target}` }];
  return [
    { label: words.priority, text: String(priority) },
    { label: words.exchange, text: target },
  ];
};
