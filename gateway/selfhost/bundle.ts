/**
 * The gateway as one JavaScript module that plain workerd can run.
 *
 * The same entry that wrangler bundles for Cloudflare; what the runtime provides (`cloudflare:*`, `node:*`)
 * stays outside.
 */
import { build, type Plugin } from "esbuild";

/** CommonJS packages `require("buffer")`, which an ES module cannot do: they get a module that imports it. */
const builtins: Plugin = {
  name: "builtins",
  setup: (bundle) => {
    bundle.onResolve({ filter: /^(node:)?buffer$/ }, ({ path, namespace }) =>
      namespace === "builtin" ? { path, external: true } : { path: "node:buffer", namespace: "builtin" },
    );
    bundle.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({ contents: `export * from "${path}"` }));
  },
};

/** Bundles `entry` into `outfile`. Throws when the source does not build: that is a bug of this tree. */
export const bundleGateway = async (entry: string, outfile: string): Promise<void> => {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    plugins: [builtins],
    logLevel: "silent",
  });
};
