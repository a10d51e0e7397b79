/**
 * Publishing from the page: `/publish/cloudflare` and, where it is offered, `/publish/update`; both by POST.
 *
 * A plan is published only while it still is the one that was shown. Tokens and secrets are used once: they are in no
 * address, no answer and no log.
 */
import type { Context, Hono } from "hono";
import { planAsJson } from "#dns/export/json.ts";
import type { Resolve } from "#dns/resolver.ts";
import { type Change, isEdit } from "#dns/zone.ts";
import { publishAtCloudflare } from "#resolvers/cloudflare-api.ts";
import { lookUpPlan } from "./look-up.ts";
import { answer, type PageContext, type PageStatus, requirementIn } from "./page-context.ts";
import { planMark } from "./plan-mark.ts";
import { readPostedForm } from "./posted-form.ts";
import { type Outcome, publishPage } from "./publish-page.ts";

/** What was typed for DNS UPDATE; `secret` in base64. */
export type TypedUpdate = Record<"server" | "zone" | "keyName" | "algorithm" | "secret", string>;
/** Reads and sends it; see `publishByUpdate`. */
export type Update = (changes: readonly Change[], typed: TypedUpdate) => Promise<Outcome>;

export type PublishOptions = {
  resolve: Resolve;
  fetch: typeof fetch;
  cloudflareUrl?: string;
  update?: Update;
};

const STATUS: Record<Outcome["kind"], PageStatus> = {
  done: 200,
  changed: 409,
  invalid: 400,
  refused: 502,
  failed: 502,
};

export const publishRoutes = (app: Hono, page: PageContext, options: PublishOptions): void => {
  const { resolve, update, cloudflareUrl } = options;
  const onPost = (
    path: string,
    publish: (domain: string, edits: readonly Change[], fields: URLSearchParams) => Promise<Outcome>,
  ): void => {
    app.post(path, async (c: Context) => {
      const { typed, links } = page.asked(c);
      const form = await readPostedForm(c.req.raw);
      if (form.kind === "refused") return c.text(form.text, form.status);
      const read = requirementIn(typed);
      if (read.kind === "refused") return page.refuse(c, read.errors);
      const { domain } = read.value;
      const { changes } = await lookUpPlan(read.value, resolve);
      const edits = changes.filter(isEdit);
      const isShown = form.fields.get("plan") === (await planMark(changes));
      const isOpen = changes.every(({ kind }) => kind !== "conflict");
      const outcome = !isShown ? CHANGED : isOpen ? await publish(domain, edits, form.fields) : CONFLICT;
      const published = outcome.kind === "done" ? planAsJson(edits) : [];
      const json = { domain, outcome: outcome.kind, text: outcome.text, published };
      return answer(c, json, () => publishPage(domain, outcome, published, links), STATUS[outcome.kind]);
    });
  };

  onPost("/publish/cloudflare", async (domain, edits, fields) => {
    const token = (fields.get("token") ?? "").trim();
    if (token === "") return { kind: "invalid", text: "The token is missing: type it once more." };
    const at = { fetch: options.fetch, ...(cloudflareUrl !== undefined && { baseUrl: cloudflareUrl }) };
    const result = await publishAtCloudflare(domain, edits, { token, ...at });
    return result.kind === "done"
      ? { kind: "done", text: `Cloudflare has it in the zone ${result.zone}; resolvers see it within minutes.` }
      : { kind: result.kind, text: result.reason };
  });
  if (!update) return;
  onPost("/publish/update", (_, edits, fields) => {
    const field = (name: string): string => (fields.get(name) ?? "").trim();
    return update(edits, {
      server: field("server"),
      zone: field("zone"),
      keyName: field("key-name"),
      algorithm: field("algorithm"),
      secret: field("secret"),
    });
  });
};

const CHANGED: Outcome = {
  kind: "changed",
  text: "What stands in the DNS is no longer what the page showed, so nothing was sent. Look at the plan again.",
};

const CONFLICT: Outcome = {
  kind: "invalid",
  text: "Something that is needed is in conflict with what stands, so nothing was sent. The plan says what to do instead.",
};
