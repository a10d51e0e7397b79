/**
 * What the sandbox trap received of an account's mail, as `GET /v1/sandbox/messages` shows it.
 */
import { z } from "zod";

/** Mail to this domain goes to the trap inside the relay node. */
export const SANDBOX_DOMAIN = "sandbox.test";

export const isSandboxAddress = (address: string): boolean => address.toLowerCase().endsWith(`@${SANDBOX_DOMAIN}`);

export const SandboxMessage = z
  .object({
    object: z.literal("sandbox_message"),
    email_id: z.string(),
    received_at: z.string(),
    mail_from: z.string(),
    rcpt_to: z.string(),
    raw: z.string().meta({ description: "The message as text" }),
    raw_bytes: z.int(),
    authentication_results: z.array(z.string()),
  })
  .meta({ id: "SandboxMessage" });
export type SandboxMessage = z.infer<typeof SandboxMessage>;
