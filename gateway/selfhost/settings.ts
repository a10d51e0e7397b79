/**
 * The settings of `npm start` and `npm run dev`: flags over environment over defaults.
 *
 * Every mistake is found in one pass, so an operator mends them all at once. An empty variable counts as not
 * set. The relay node's own settings are not read here: they pass through to it, and it checks them.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";

export const USAGE = `Usage: npm start -- [options]

The whole service on one machine: the gateway on plain workerd and its relay nodes, in one data directory.

  --port N       port of the gateway, 0 for any free one   HIKYAKU_PORT    (8787)
  --host ADDR    address the gateway listens on            HIKYAKU_HOST    (127.0.0.1)
  --data DIR     data directory                            HIKYAKU_DATA    (./data)
  --relays N     relay nodes to run beside the gateway     HIKYAKU_RELAYS  (1)
  --help         this text

A flag wins over its environment variable. The other settings are in README.md.
`;

const FLAGS = { port: "HIKYAKU_PORT", host: "HIKYAKU_HOST", data: "HIKYAKU_DATA", relays: "HIKYAKU_RELAYS" } as const;

const wholeNumber = (max: number) =>
  z
    .string()
    .regex(/^\d{1,6}$/, "is not a whole number")
    .transform(Number)
    .refine((value) => value <= max, `is above ${max}`);

const httpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

const delays = z
  .string()
  .regex(
    /^\s*\d+(\.\d+)?(\s*,\s*\d+(\.\d+)?)*(\s*,\s*\.\.\.|\s*…)?\s*$/,
    "is not a list of seconds such as 60,300,900 or 60,300,...",
  );

const Environment = z.object({
  HIKYAKU_HOST: z.string().default("127.0.0.1"),
  HIKYAKU_PORT: wholeNumber(65_535).default(8787),
  HIKYAKU_DATA: z.string().default("./data"),
  HIKYAKU_RELAYS: wholeNumber(64).default(1),
  HIKYAKU_ADMIN_TOKEN: z.string().min(16, "is shorter than 16 characters").optional(),
  HIKYAKU_MASTER_KEY: z.string().min(32, "is shorter than 32 characters").optional(),
  HIKYAKU_PUBLIC_URL: z.string().refine(httpUrl, "is not an http or https URL").optional(),
  HIKYAKU_DOH_URL: z
    .string()
    .refine((text) => text.split(",").every((url) => httpUrl(url.trim())), "is not a list of http or https URLs")
    .default("https://cloudflare-dns.com/dns-query"),
  HIKYAKU_ALLOW_PRIVATE: z.enum(["0", "1"], "is neither 0 nor 1").default("0"),
  HIKYAKU_CLIENT_IP_HEADER: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/i, "is not a header name")
    .optional(),
  HIKYAKU_BOUNCE_DOMAIN: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i, "is not a domain name")
    .optional(),
  HIKYAKU_RETRY: delays.optional(),
  HIKYAKU_WEBHOOK_RETRY: delays.optional(),
  HIKYAKU_RELAY_POOLS: z.string().default("default"),
  HIKYAKU_LOG: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"], "is not a pino level, such as info or debug")
    .default("info"),
});

/** What the launcher runs on. Variables keep their names; `dataDir` is absolute. */
export type Settings = {
  host: string;
  /** 0: any free port. */
  port: number;
  dataDir: string;
  relayCount: number;
  adminToken: string | undefined;
  masterKey: string | undefined;
  publicUrl: string | undefined;
  dohUrl: string;
  allowPrivate: boolean;
  /** The header in which a proxy before the gateway says who is calling; empty: there is none, the connection tells. */
  clientIpHeader: string;
  /** Undefined: as in wrangler.toml. */
  bounceDomain: string | undefined;
  retry: string | undefined;
  webhookRetry: string | undefined;
  relayPools: string[];
  logLevel: string;
};

export type ReadSettings =
  | { kind: "settings"; settings: Settings }
  | { kind: "help" }
  | { kind: "invalid"; mistakes: string[] };

/** `args` are those after the script; `cwd` is what a relative data directory is relative to. */
export const readSettings = (args: string[], env: Record<string, string | undefined>, cwd: string): ReadSettings => {
  const mistakes: string[] = [];
  const given: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(env)) if (name.startsWith("HIKYAKU_") && value !== "") given[name] = value;

  /** How a mistake names the setting: the flag when it came from one. */
  const spelled: Record<string, string> = {};
  for (const token of scanFlags(args)) {
    if (token.kind === "help") return { kind: "help" };
    if (token.kind === "mistake") mistakes.push(token.text);
    else {
      given[FLAGS[token.flag]] = token.value;
      spelled[FLAGS[token.flag]] = `--${token.flag}`;
    }
  }

  const parsed = Environment.safeParse(given);
  if (!parsed.success)
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0]);
      mistakes.push(`${spelled[name] ?? name} ${issue.message}`);
    }
  if (!parsed.success || mistakes.length > 0) return { kind: "invalid", mistakes };

  const read = parsed.data;
  return {
    kind: "settings",
    settings: {
      host: read.HIKYAKU_HOST,
      port: read.HIKYAKU_PORT,
      dataDir: resolve(cwd, read.HIKYAKU_DATA),
      relayCount: read.HIKYAKU_RELAYS,
      adminToken: read.HIKYAKU_ADMIN_TOKEN,
      masterKey: read.HIKYAKU_MASTER_KEY,
      publicUrl: read.HIKYAKU_PUBLIC_URL,
      dohUrl: read.HIKYAKU_DOH_URL,
      allowPrivate: read.HIKYAKU_ALLOW_PRIVATE === "1",
      clientIpHeader: read.HIKYAKU_CLIENT_IP_HEADER ?? "",
      bounceDomain: read.HIKYAKU_BOUNCE_DOMAIN,
      retry: read.HIKYAKU_RETRY,
      webhookRetry: read.HIKYAKU_WEBHOOK_RETRY,
      relayPools: read.HIKYAKU_RELAY_POOLS.split(",").map((pool) => pool.trim()),
      logLevel: read.HIKYAKU_LOG,
    },
  };
};

/** A host and port as they stand in a URL and in workerd's address: an IPv6 address in brackets. */
export const hostAndPort = (host: string, port: number): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;

type Flag = keyof typeof FLAGS;
type Scanned = { kind: "help" } | { kind: "mistake"; text: string } | { kind: "flag"; flag: Flag; value: string };

const isFlag = (name: string): name is Flag => Object.hasOwn(FLAGS, name);

const scanFlags = (args: string[]): Scanned[] => {
  const string = { type: "string" } as const;
  const options = { port: string, host: string, data: string, relays: string, help: { type: "boolean" } } as const;
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
  return tokens.flatMap((token): Scanned[] => {
    if (token.kind === "option-terminator") return [];
    if (token.kind === "positional") return [{ kind: "mistake", text: `"${token.value}" is not an option` }];
    if (token.name === "help") return [{ kind: "help" }];
    if (!isFlag(token.name)) return [{ kind: "mistake", text: `${token.rawName} is not an option` }];
    if (token.value === undefined || token.value === "")
      return [{ kind: "mistake", text: `${token.rawName} needs a value` }];
    return [{ kind: "flag", flag: token.name, value: token.value }];
  });
};
