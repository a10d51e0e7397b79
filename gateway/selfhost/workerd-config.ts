/**
 * The configuration of plain workerd, in Cap'n Proto text.
 *
 * Compatibility date, flags, Durable Object bindings and variables come from wrangler.toml: one truth for
 * Cloudflare and for one machine. Every value of the environment is bound `fromEnvironment`, so no secret is
 * ever in this file. A `uniqueKey` is what ties stored objects to their class: it never changes.
 */
import { z } from "zod";

const WranglerFacts = z.object({
  compatibilityDate: z.iso.date(),
  compatibilityFlags: z.array(z.string()),
  classes: z.array(z.object({ binding: z.string(), className: z.string() })).min(1),
  vars: z.record(z.string(), z.string()),
});
/** What workerd needs to know of wrangler.toml. */
export type WranglerFacts = z.infer<typeof WranglerFacts>;

/**
 * Reads the facts out of wrangler.toml. Not a TOML parser: it knows the plain forms that file is written in,
 * and throws when a fact is missing.
 */
export const readWranglerFacts = (toml: string): WranglerFacts => {
  const sections = toml.split(/^(?=\[)/m);
  const top = sections[0] ?? "";
  const vars = sections.find((section) => section.startsWith("[vars]")) ?? "";
  return WranglerFacts.parse({
    compatibilityDate: stringOf(top, "compatibility_date"),
    compatibilityFlags: Array.from(
      (/^compatibility_flags = \[(.*)\]/m.exec(top)?.[1] ?? "").matchAll(/"([^"]*)"/g),
      (m) => m[1],
    ),
    classes: sections
      .filter((section) => section.startsWith("[[durable_objects.bindings]]"))
      .map((section) => ({ binding: stringOf(section, "name"), className: stringOf(section, "class_name") })),
    vars: Object.fromEntries(Array.from(vars.matchAll(/^(\w+) = "(.*)"/gm), (m) => [m[1], m[2]])),
  });
};

export type WorkerdConfig = {
  facts: WranglerFacts;
  /** `127.0.0.1:8787` */
  address: string;
  /** Bundle of the gateway: a path relative to the configuration's own file. */
  modulePath: string;
  objectsDir: string;
  /** Names of environment variables the Worker may read; one that is not set is `null` there. */
  variables: string[];
  /** The Worker may fetch private and loopback addresses too. */
  allowPrivate: boolean;
};

export const formatWorkerdConfig = (config: WorkerdConfig): string => {
  const { facts } = config;
  const namespaces = facts.classes.map(
    ({ className }) =>
      `(className = ${text(className)}, uniqueKey = ${text(`hikyaku-${className}`)}, enableSql = true)`,
  );
  const bindings = [
    ...facts.classes.map(
      ({ binding, className }) => `(name = ${text(binding)}, durableObjectNamespace = ${text(className)})`,
    ),
    ...config.variables.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`),
  ];
  const allowed = config.allowPrivate ? ["public", "private", "local"] : ["public"];
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = .gateway),
    (name = "objects", disk = (path = ${text(config.objectsDir)}, writable = true)),
    (name = "outside", network = (allow = ${list(allowed.map(text))}, tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = ${text(config.address)}, http = (), service = "gateway")],
);

const gateway :Workerd.Worker = (
  modules = [(name = "gateway", esModule = embed ${text(config.modulePath)})],
  compatibilityDate = ${text(facts.compatibilityDate)},
  compatibilityFlags = ${list(facts.compatibilityFlags.map(text))},
  durableObjectNamespaces = ${list(namespaces)},
  durableObjectStorage = (localDisk = "objects"),
  bindings = ${list(bindings)},
  globalOutbound = "outside",
);
`;
};

/** A Cap'n Proto string literal: JSON's escapes are a subset of its own for what paths and names hold. */
const text = (value: string): string => JSON.stringify(value);

const list = (items: string[]): string => `[${items.join(", ")}]`;

const stringOf = (section: string, key: string): string | undefined =>
  new RegExp(`^${key} = "([^"]*)"`, "m").exec(section)?.[1];
