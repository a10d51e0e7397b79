/**
 * `hikyaku send`: one email through the API, as an app would; with `--wait` until its recipients' fate is known.
 */
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { SendReply, type SendRequest } from "#contract/email.ts";
import { EmailEvent } from "#contract/event.ts";
import { type Api, callApi, readBody } from "./api-client.ts";
import { accountApi, type ApiOptions } from "./credentials.ts";
import { show, showFailure, table } from "./show.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

const Events = z.object({ data: z.array(EmailEvent) });
const FINAL = ["email.delivered", "email.bounced", "email.failed"];
const WAIT_S = 60;
const POLL_MS = 200;

export type SendOptions = ApiOptions & {
  json?: boolean;
  from: string;
  to: string[];
  subject: string;
  text?: string;
  html?: string;
  attach?: string[];
  /** `true`: for a minute; text: for so many seconds. */
  wait?: true | string;
};

export const send = async (options: SendOptions, around: Surroundings): Promise<Exit> => {
  const api = accountApi(options, around);
  const waitS = options.wait === true ? WAIT_S : Number(options.wait ?? 0);
  if (!Number.isFinite(waitS) || waitS < 0) throw new WrongUse("--wait takes a number of seconds");
  const request: SendRequest = {
    from: options.from,
    to: options.to,
    subject: options.subject,
    ...(options.text !== undefined && { text: options.text }),
    ...(options.html !== undefined && { html: options.html }),
    ...(options.attach && { attachments: options.attach.map((path) => readAttachment(resolve(around.cwd, path))) }),
  };
  const answer = await callApi(api, "POST", "/v1/emails", request);
  const sent = readBody(answer, SendReply);
  if (sent.kind !== "read" || options.wait === undefined)
    return show(answer, SendReply, options.json === true, around, ({ id }) => id);
  return waitForFate(api, sent.value.id, options, waitS * 1000, around);
};

const waitForFate = async (
  api: Api,
  id: string,
  options: SendOptions,
  waitMs: number,
  around: Surroundings,
): Promise<Exit> => {
  const deadlineMs = performance.now() + waitMs;
  for (;;) {
    const answer = await callApi(api, "GET", `/v1/emails/${id}/events`);
    const read = readBody(answer, Events);
    if (read.kind !== "read") {
      around.err(`hikyaku: accepted as ${id}; what came of it is not known`);
      return showFailure(read, around);
    }
    const events = read.value.data;
    const fates = events.filter((event) => FINAL.includes(event.type));
    const known = new Set(fates.map((event) => event.recipient)).size >= new Set(options.to).size;
    if (known || performance.now() > deadlineMs) {
      show(answer, Events, options.json === true, around, () => [id, eventTable(events)].join("\n"));
      if (fates.some((event) => event.type !== "email.delivered")) return EXIT.no;
      if (known) return EXIT.done;
      around.err(`hikyaku: after ${waitMs / 1000} s the fate of ${id} is not known yet`);
      return EXIT.unknown;
    }
    await sleep(POLL_MS);
  }
};

const eventTable = (events: EmailEvent[]): string =>
  table(
    ["TIME", "RECIPIENT", "EVENT", "REPLY"],
    events.map((event) => [
      event.created_at,
      event.recipient,
      event.type,
      event.reply === undefined
        ? (event.reason ?? "")
        : [event.reply.code, event.reply.enhanced, event.reply.text].filter((part) => part !== undefined).join(" "),
    ]),
  );

const readAttachment = (path: string): { filename: string; content: string } => {
  try {
    return { filename: basename(path), content: readFileSync(path).toString("base64") };
  } catch (error) {
    throw new WrongUse(`the attachment cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
};
