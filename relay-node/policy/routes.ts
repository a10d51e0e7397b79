/**
 * Static routes, looked at before MX: `HIKYAKU_ROUTES`, read into a table and searched by recipient domain.
 *
 *   dest.test=smtp://127.0.0.1:2525,*.corp.test=smtp://user:pass@host:587?tls=required,*=smtps://smart.test
 *
 * An exact name wins over a wildcard, a longer wildcard over a shorter, `*` alone takes the rest (a smart
 * host). All mistakes are reported at once, and none repeats a URL: it may hold a password. It resolves no names.
 */
import { isIP } from "node:net";
import { parseDomain } from "#dns/domain.ts";
import type { Target } from "../smtp/transaction.ts";

/** Where a route leads: a target whose host is not resolved yet. */
export type Route = Omit<Target, "ip">;

/** Keys: a domain, `*.` and a domain, or `*`. */
export type RouteTable = ReadonlyMap<string, Route>;

export type RoutesResult = { kind: "routes"; table: RouteTable } | { kind: "invalid"; problems: string[] };

/** Reads the setting; empty text is an empty table. A comma inside a password is written `%2C`. */
export const parseRoutes = (text: string): RoutesResult => {
  const table = new Map<string, Route>();
  const problems: string[] = [];
  for (const [index, entry] of text.split(",").entries()) {
    if (entry.trim() === "") continue;
    const equals = entry.indexOf("=");
    const pattern = equals < 0 ? undefined : parsePattern(entry.slice(0, equals).trim());
    const name = `route ${index + 1}${pattern === undefined ? "" : ` (${pattern})`}`;
    if (equals < 0) {
      problems.push(`${name}: is not pattern=url`);
      continue;
    }
    if (pattern === undefined) problems.push(`${name}: the pattern is not a domain, *.domain or *`);
    else if (table.has(pattern)) problems.push(`${name}: the pattern comes twice`);
    const route = parseRoute(entry.slice(equals + 1).trim());
    if (Array.isArray(route)) problems.push(...route.map((problem) => `${name}: ${problem}`));
    else if (pattern !== undefined) table.set(pattern, route);
  }
  return problems.length > 0 ? { kind: "invalid", problems } : { kind: "routes", table };
};

/** The route of a domain (lower case, A-labels), if it has one. `*.corp.test` is not for `corp.test` itself. */
export const findRoute = (table: RouteTable, domain: string): Route | undefined => {
  if (table.size === 0) return undefined;
  const exact = table.get(domain);
  if (exact) return exact;
  for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1)) {
    const route = table.get(`*${domain.slice(dot)}`);
    if (route) return route;
  }
  return table.get("*");
};

const parsePattern = (text: string): string | undefined => {
  if (text === "*") return text;
  const wildcard = text.startsWith("*.");
  const parsed = parseDomain(wildcard ? text.slice(2) : text);
  if (parsed.kind === "invalid") return undefined;
  return wildcard ? `*.${parsed.domain}` : parsed.domain;
};

const parseRoute = (text: string): Route | string[] => {
  if (!URL.canParse(text)) return ["is not a URL"];
  const url = new URL(text);
  if (url.protocol !== "smtp:" && url.protocol !== "smtps:") return ["the URL is not smtp:// or smtps://"];
  const problems: string[] = [];
  const host = parseHost(url.hostname);
  if (host === undefined) problems.push("the host is not a name or an address");
  if (url.port === "0") problems.push("the port is 0");
  if (url.pathname !== "" && url.pathname !== "/") problems.push("the URL has a path");
  if (url.hash !== "") problems.push("the URL has a fragment (a # in a password is written %23)");
  for (const key of url.searchParams.keys()) if (key !== "tls") problems.push(`unknown option ${key}`);
  const tls = parseTls(url);
  if (tls === undefined) problems.push("tls= is none, opportunistic or required, and only for smtp://");
  const auth = parseAuth(url);
  if (auth === "invalid") problems.push("user and password come together, percent-encoded");
  if (host === undefined || tls === undefined || auth === "invalid" || problems.length > 0) return problems;
  const port = url.port === "" ? (tls === "implicit" ? 465 : 25) : Number(url.port);
  return { host, port, tls, ...(auth === undefined ? {} : { auth }) };
};

const parseHost = (hostname: string): string | undefined => {
  const literal = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  if (isIP(literal)) return literal;
  const parsed = parseDomain(hostname);
  return parsed.kind === "domain" ? parsed.domain : undefined;
};

const parseTls = (url: URL): Target["tls"] | undefined => {
  const values = url.searchParams.getAll("tls");
  if (url.protocol === "smtps:") return values.length === 0 ? "implicit" : undefined;
  if (values.length > 1) return undefined;
  const value = values[0] ?? "opportunistic";
  return value === "none" || value === "opportunistic" || value === "required" ? value : undefined;
};

const parseAuth = (url: URL): Target["auth"] | "invalid" => {
  if (url.username === "" && url.password === "") return undefined;
  if (url.username === "" || url.password === "") return "invalid";
  try {
    return { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) };
  } catch {
    // decodeURIComponent throws on a % that begins no code.
    return "invalid";
  }
};
