/**
 * Requests to the Worker as a customer or the operator makes them, and a look at an object's rows.
 *
 * Answers are parsed by the contract's own schemas: a test that reads a field has seen that it is there.
 */
import { env, exports } from "cloudflare:workers";
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { z } from "zod";
import type { Account } from "../../../gateway/objects/account.ts";
import type { Pool } from "../../../gateway/objects/pool.ts";

export type Answer = { status: number; body: unknown };

type CallOptions = {
  token?: string;
  headers?: Record<string, string>;
  /** Goes as JSON. */
  body?: unknown;
  /** Goes as it is, instead of `body`. */
  raw?: string | ReadableStream;
};

/** Calls the Worker. What it answers must be JSON, or say that it is CSV. */
export const call = async (method: string, path: string, options: CallOptions = {}): Promise<Answer> => {
  const headers = new Headers(options.headers);
  if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const response = await exports.default.fetch(`https://gateway.test${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const isCsv = response.headers.get("content-type")?.startsWith("text/csv") === true;
  return { status: response.status, body: await (isCsv ? response.text() : response.json()) };
};

const Opened = z.object({ id: z.string(), api_key: z.object({ id: z.string(), token: z.string() }) });
const Made = z.object({ id: z.string(), token: z.string() });
const Sent = z.object({ id: z.string() });

export type TestAccount = { id: string; token: string; stub: DurableObjectStub<Account> };

/** An account that may send from anywhere, made by the admin API. */
export const openAccount = async (settings: object = {}): Promise<TestAccount> => {
  const answer = await call("POST", "/admin/accounts", {
    token: env.HIKYAKU_ADMIN_TOKEN,
    body: { name: "acme", allowed_senders: "any", limits: { requests_per_second: 1_000_000 }, ...settings },
  });
  const { id, api_key } = Opened.parse(answer.body);
  return { id, token: api_key.token, stub: env.ACCOUNT.getByName(id) };
};

export const openRelay = async (pools: string[] = ["default"]): Promise<{ id: string; token: string }> =>
  Made.parse(
    (await call("POST", "/admin/relays", { token: env.HIKYAKU_ADMIN_TOKEN, body: { name: "relay", pools } })).body,
  );

/** A second key of the account. */
export const mintKey = async (account: TestAccount, permission: string): Promise<{ id: string; token: string }> =>
  Made.parse(
    (await call("POST", "/v1/api-keys", { token: account.token, body: { name: "another", permission } })).body,
  );

/** A send that is right in every field; `fields` go over it. */
export const goodSend = (fields: object = {}): object => ({
  from: "Sender <sender@shop.test>",
  to: "reader@inbox.test",
  subject: "Hello",
  text: "A line.",
  ...fields,
});

/** Posts an email that must be taken; its id. */
export const sendEmail = async (account: TestAccount, fields: object = {}, key?: string): Promise<string> => {
  const headers = key === undefined ? {} : { "idempotency-key": key };
  const answer = await call("POST", "/v1/emails", { token: account.token, headers, body: goodSend(fields) });
  if (answer.status !== 200) throw new Error(`the send was refused: ${JSON.stringify(answer.body)}`);
  return Sent.parse(answer.body).id;
};

/** How many objects of a kind `work` brought into being. Names that other tests used must not be in it. */
export const objectsMadeBy = async <T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  work: () => Promise<unknown>,
): Promise<number> => {
  const before = await listDurableObjectIds(namespace);
  await work();
  return (await listDurableObjectIds(namespace)).length - before.length;
};

type Row = Record<string, SqlStorageValue>;

/** Runs SQL in an object's own database: what it stored, or what a test wants it to find. */
export const sqlIn = async <T extends Row = Row>(
  stub: DurableObjectStub<Account> | DurableObjectStub<Pool>,
  statement: string,
  ...args: SqlStorageValue[]
): Promise<T[]> => runInDurableObject(stub, (_, { storage }) => storage.sql.exec<T>(statement, ...args).toArray());

export const countIn = async (account: TestAccount, table: string): Promise<number> =>
  (await sqlIn<{ n: number }>(account.stub, `SELECT COUNT(*) AS n FROM ${table}`))[0]?.n ?? 0;
