/**
 * `/v1/events`: what happened, by cursor, or live as server-sent events.
 *
 * A live stream is a row of asks to the account, each of which waits for events a while; whoever reads slowly is asked
 * for slowly. Every answer carries the id to go on behind, also when it has no event, so that a reader who is cut off
 * misses nothing. A stream ends cleanly after some minutes: readers come again by themselves.
 */
import type { Hono } from "hono";
import type { AccountEvent, EventsQuery } from "#contract/event-payload.ts";
import { isProblem } from "#contract/problem.ts";
import type { LiveReply } from "../../objects/account-live.ts";
import { accountOf, ask } from "../ask.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { respond, sendProblem } from "../problem-response.ts";
import { serve } from "../serve.ts";

const LONGEST_MS = 5 * 60_000;

export const eventRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "readEvents", (c, { query }) => (wantsLive(c) ? live(c, query) : ask(c, "readEvents", query)));
};

const wantsLive = (c: GatewayContext): boolean => c.req.header("accept")?.includes("text/event-stream") ?? false;

const live = async (c: GatewayContext, query: EventsQuery): Promise<Response> => {
  const untilMs = Date.now() + LONGEST_MS;
  const stream = crypto.randomUUID();
  const { types } = query;
  const askAfter = (after: string | undefined, wait: boolean) =>
    accountOf(c).liveEvents(c.get("visitor"), { stream, types, after, wait });
  // What refuses the whole is known before the first byte.
  const first = await askAfter(c.req.header("last-event-id") ?? query.after, false);
  c.set("rate", first.rate);
  if (isProblem(first.answer)) return sendProblem(c, first.answer);
  let { last } = first.answer;
  const encoder = new TextEncoder();
  const start = encoder.encode(`retry: 2000\n\n${formatReply(first.answer)}`);
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(start),
    pull: async (controller) => {
      if (Date.now() >= untilMs) return controller.close();
      const { answer } = await askAfter(last, true);
      // The key was revoked, say: the reader hears why when it comes again.
      if (isProblem(answer)) return controller.close();
      ({ last } = answer);
      controller.enqueue(encoder.encode(formatReply(answer)));
    },
  });
  return respond(c, body, 200, { "content-type": "text/event-stream", "cache-control": "no-store" });
};

/** The comment shows that the connection lives; an id without data moves only where a reader goes on. */
const formatReply = ({ events, last }: LiveReply): string => `${events.map(formatEvent).join("")}:\nid: ${last}\n\n`;

const formatEvent = (event: AccountEvent): string =>
  `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
