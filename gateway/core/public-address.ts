/**
 * Which addresses a customer may make the gateway call: public ones, by http or https, without credentials.
 *
 * What a name resolves to is not known here. On Cloudflare a Worker reaches no private network; on plain workerd the
 * network service behind `fetch` refuses private addresses when it connects, so a name cannot be rebound to one.
 */
import { parseIp } from "#dns/ip-address.ts";
import { isPublicIp } from "#dns/public-address.ts";

/** `invalid`: no setting makes it usable. `private`: the operator may allow it. `reason`: a clause, no full stop. */
export type CheckedUrl = { kind: "url"; url: URL } | { kind: "refused"; code: "invalid" | "private"; reason: string };

/** Names that are somebody's own network by their form (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`). */
const OWN_NETWORK = /(^|\.)(localhost|local|internal|home\.arpa|localdomain|lan|intranet|corp|home)$/;

/** Of the "bad ports" of the Fetch standard those that speak a protocol a posted text could be taken for, mail above all. */
const BAD_PORTS: ReadonlySet<string> = new Set(
  "7 9 13 19 21 22 23 25 37 53 69 79 109 110 111 119 123 135 139 143 179 389 427 465 512 513 514 515 532 540 548 554 587 601 636 993 995 2049 6000 6379 6667 11211".split(
    " ",
  ),
);

const refused = (code: "invalid" | "private", reason: string): CheckedUrl => ({ kind: "refused", code, reason });

/** The URL, when a customer may make the gateway call it; `allowPrivate` is the operator's word for any host. */
export const checkUrl = (text: string, { allowPrivate }: { allowPrivate: boolean }): CheckedUrl => {
  const url = URL.parse(text);
  if (!url) return refused("invalid", "it is not a URL");
  if (url.protocol !== "https:" && url.protocol !== "http:") return refused("invalid", "it is neither http nor https");
  if (url.username !== "" || url.password !== "") return refused("invalid", "it has a user name or password in it");
  if (BAD_PORTS.has(url.port)) return refused("invalid", `its port ${url.port} is another service's`);
  if (allowPrivate) return { kind: "url", url };
  // The URL parser has turned every way of writing an IPv4 address into the common one, but for dots it has at its end.
  const host = url.hostname.replace(/\.+$/, "");
  const ip = parseIp(host.startsWith("[") ? host.slice(1, -1) : host);
  if (ip ? !isPublicIp(ip) : !host.includes(".") || OWN_NETWORK.test(host))
    return refused("private", `${host} is not a public address`);
  return { kind: "url", url };
};
