/**
 * Cloudflare's API over one zone, as data: what it holds, what was asked of it, and what it says instead when told.
 */
import { z } from "zod";
import type { CloudflareRecord } from "#dns/export/cloudflare.ts";

export type FakeCloudflare = {
  fetch: typeof fetch;
  /** Method and path of each request, in order. */
  asked: string[];
  records: CloudflareRecord[];
  /** Answers instead of the API, by the beginning of `METHOD path`. */
  instead: Map<string, () => Response>;
};

const ZONE_ID = "0".repeat(31) + "1";
const Content = z.object({ content: z.string(), priority: z.number().optional() });
const Batch = z.object({
  deletes: z.array(z.object({ id: z.string() })),
  patches: z.array(Content.extend({ id: z.string() })),
  posts: z.array(Content.extend({ name: z.string(), type: z.string(), ttl: z.number() })),
});

export const fakeCloudflare = (
  zone: string,
  token: string,
  held: readonly Omit<CloudflareRecord, "id">[] = [],
): FakeCloudflare => {
  let nextId = 16;
  const newId = (): string => (nextId++).toString(16).padStart(32, "0");
  const fake: FakeCloudflare = {
    asked: [],
    records: held.map((record) => ({ id: newId(), ...record })),
    instead: new Map(),
    fetch: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const method = init?.method ?? "GET";
      const path = `${url.pathname.replace(/^\/client\/v4/, "")}${url.search}`;
      fake.asked.push(`${method} ${path}`);
      for (const [beginning, response] of fake.instead)
        if (`${method} ${path}`.startsWith(beginning)) return response();
      if (new Headers(init?.headers).get("authorization") !== `Bearer ${token}`)
        return refusal(403, 9109, "Invalid access token");
      if (url.pathname.endsWith("/zones")) {
        const isOurs = url.searchParams.get("name") === zone;
        return Response.json({ success: true, errors: [], result: isOurs ? [{ id: ZONE_ID, name: zone }] : [] });
      }
      if (method === "GET") {
        const result = fake.records.filter(({ name }) => name === url.searchParams.get("name.exact"));
        return Response.json({ success: true, errors: [], result, result_info: { total_pages: 1 } });
      }
      const { deletes, patches, posts } = Batch.parse(JSON.parse(typeof init?.body === "string" ? init.body : ""));
      const gone = new Set(deletes.map(({ id }) => id));
      fake.records = fake.records
        .filter(({ id }) => !gone.has(id))
        .map((record) => {
          const patch = patches.find(({ id }) => id === record.id);
          return patch ? { ...record, ...definedIn(patch) } : record;
        });
      for (const { name, type, ...content } of posts)
        fake.records.push({ id: newId(), name, type, ...definedIn(content) });
      return Response.json({ success: true, errors: [], result: {} });
    },
  };
  return fake;
};

const definedIn = ({ content, priority }: z.infer<typeof Content>): { content: string; priority?: number } => ({
  content,
  ...(priority !== undefined && { priority }),
});

export const refusal = (status: number, code: number, message: string): Response =>
  Response.json({ success: false, errors: [{ code, message }], result: null }, { status });
