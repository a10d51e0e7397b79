/**
 * Templates: content with `{{placeholders}}` that sends name by id or alias. Resend's shapes of `/v1/templates`.
 *
 * A template is edited as a draft; sends use what was published last.
 */
import { z } from "zod";
import { Name } from "./account.ts";
import { VARIABLE_NAME } from "./merge.ts";

const key = z.string().regex(VARIABLE_NAME, "is not a variable name: letters, digits and _, at most 64");

/** `fallback_value` stands in for a variable that a send does not give; without one the send is refused. */
export const TemplateVariable = z.union([
  z.strictObject({ key, type: z.literal("string"), fallback_value: z.string().max(10_000).nullish() }),
  z.strictObject({ key, type: z.literal("number"), fallback_value: z.number().nullish() }),
]);
export type TemplateVariable = z.infer<typeof TemplateVariable>;

const addresses = z.union([z.string(), z.array(z.string()).min(1)]);
const fields = {
  subject: z.string().max(2000).nullish(),
  text: z.string().max(1_000_000).nullish(),
  alias: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, "may have letters, digits, _ and -, at most 64")
    .nullish(),
  from: z.string().max(2000).nullish(),
  reply_to: addresses.nullish(),
  variables: z.array(TemplateVariable).max(50).nullish().meta({
    description:
      "`unsubscribe_url` and `RESEND_UNSUBSCRIBE_URL` are none: in `html` and `text` they stand for the recipient's own link to unsubscribe by",
  }),
};

export const CreateTemplate = z
  .strictObject({ name: Name, html: z.string().min(1).max(1_000_000), ...fields })
  .meta({ id: "CreateTemplate", example: { name: "Welcome", html: "<p>Hello {{first_name}}</p>" } });
export type CreateTemplate = z.infer<typeof CreateTemplate>;

export const UpdateTemplate = z
  .strictObject({
    name: Name.optional(),
    html: z.string().min(1).max(1_000_000).optional(),
    ...fields,
  })
  .meta({ id: "UpdateTemplate" });
export type UpdateTemplate = z.infer<typeof UpdateTemplate>;

export const TemplateSummary = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.enum(["draft", "published"]),
    alias: z.string().nullable(),
    published_at: z.string().nullable(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: "TemplateSummary" });
export type TemplateSummary = z.infer<typeof TemplateSummary>;

export const TemplateDetail = TemplateSummary.extend({
  object: z.literal("template"),
  subject: z.string().nullable(),
  html: z.string(),
  text: z.string().nullable(),
  from: z.string().nullable(),
  reply_to: z.array(z.string()).nullable(),
  variables: z.array(
    z.object({
      key: z.string(),
      type: z.enum(["string", "number"]),
      fallback_value: z.union([z.string(), z.number()]).nullable(),
      created_at: z.string(),
      updated_at: z.string(),
    }),
  ),
  has_unpublished_versions: z.boolean(),
  current_version_id: z.string(),
}).meta({ id: "TemplateDetail" });
export type TemplateDetail = z.infer<typeof TemplateDetail>;
