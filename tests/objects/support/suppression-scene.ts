/**
 * What tests of suppressions do: call the API of an account, send and lease, and read what its events say.
 */
import { z } from "zod";
import { SuppressionSummary } from "#contract/suppression.ts";
import { Batch } from "#contract/relay-protocol.ts";
import { call, sendEmail, sqlIn, type Answer, type TestAccount } from "./worker-calls.ts";

const Listed = z.object({ has_more: z.boolean(), data: z.array(SuppressionSummary) });
const Ref = z.object({ object: z.literal("suppression"), id: z.string() });

export const api = ({ token }: TestAccount, method: string, path: string, body?: unknown): Promise<Answer> =>
  call(method, `/v1/suppressions${path}`, { token, ...(body !== undefined && { body }) });

/** Puts one on the list by hand; its id. */
export const suppress = async (account: TestAccount, email: string, more: object = {}): Promise<string> =>
  Ref.parse((await api(account, "POST", "", { email, ...more })).body).id;

export const listOf = async (account: TestAccount, query = ""): Promise<z.infer<typeof Listed>> =>
  Listed.parse((await api(account, "GET", query)).body);

export const emailsOf = async (account: TestAccount, query = ""): Promise<string[]> =>
  (await listOf(account, query)).data.map(({ email }) => email);

/** Posts the CSV as a stream. */
export const importCsv = ({ token }: TestAccount, csv: string): Promise<Answer> =>
  call("POST", "/v1/suppressions/import", { token, headers: { "content-type": "text/csv" }, raw: csv });

/** Sends to these and leases all there is: who is in the batches. */
export const leasedOf = async (account: TestAccount, relay = "one"): Promise<string[]> => {
  const leased: string[] = [];
  for (;;) {
    const { batch, count, more } = await account.stub.lease("default", relay, 100);
    if (count > 0) leased.push(...Batch.parse(JSON.parse(batch)).deliveries.map(({ rcpt }) => rcpt));
    if (!more) return leased;
  }
};

export const sendTo = (account: TestAccount, to: string | string[], more: object = {}): Promise<string> =>
  sendEmail(account, { to, ...more });

/** `recipient state` of every delivery, in order. */
export const statesOf = async ({ stub }: TestAccount): Promise<string[]> =>
  (await sqlIn<{ rcpt: string; state: string }>(stub, "SELECT rcpt, state FROM delivery ORDER BY k")).map(
    ({ rcpt, state }) => `${rcpt} ${state}`,
  );

/** What the account has told beside its emails: `type email`, in order. */
export const noticesOf = async ({ stub }: TestAccount): Promise<string[]> =>
  (
    await sqlIn<{ type: string; email: string }>(
      stub,
      "SELECT type, data ->> '$.email' AS email FROM notice WHERE type LIKE 'suppression.%' ORDER BY k",
    )
  ).map(({ type, email }) => `${type} ${email}`);

/** Data of all events of a kind. */
export const eventsOf = async ({ stub }: TestAccount, kind: string): Promise<unknown[]> =>
  (await sqlIn<{ data: string }>(stub, "SELECT data FROM event WHERE kind = ? ORDER BY k", kind)).map(
    ({ data }): unknown => JSON.parse(data),
  );
