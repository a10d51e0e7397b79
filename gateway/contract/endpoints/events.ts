/**
 * `/v1/events`: all that happens to an account, for those who cannot take webhooks.
 */
import { EventsPage, EventsQuery } from "../event-payload.ts";
import type { Endpoint } from "./endpoint.ts";

export const EVENT_ENDPOINTS = {
  readEvents: {
    tag: "Events",
    needs: "full",
    method: "GET",
    path: "/v1/events",
    summary: "Read what happened, oldest first; with `Accept: text/event-stream`, live",
    query: EventsQuery,
    reply: EventsPage,
    headers: {
      accept: "`text/event-stream`: server-sent events as they happen, from now on or behind `after`",
      "last-event-id": "Of a live stream: go on behind this event",
    },
    problems: ["not_found"],
  },
} as const satisfies Record<string, Endpoint>;
