/**
 * `/v1/emails/receiving`: mail that came in, and the links by which its parts are read.
 *
 * A part is decoded on its way out, piece by piece. What people read of a mail is bounded: of a longer text the rest is
 * in the raw message. Behind a link no key is asked for; it is proved before its account is.
 */
import type { Hono } from "hono";
import { isProblem, problem } from "#contract/problem.ts";
import type { ReceivedAttachment, ReceivedDetail } from "#contract/received.ts";
import { downloadHeaders } from "../../core/download-headers.ts";
import { type Download, downloadLink, verifyDownload } from "../../core/download-link.ts";
import type { ReceivedEmail } from "../../objects/account-received.ts";
import { pageOfRows } from "../../objects/page-of-rows.ts";
import { accountStub, ask, askAs } from "../ask.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { limitVisitors } from "../limit-visitors.ts";
import { answer, answerTold, respond, sendProblem } from "../problem-response.ts";
import { PartReader } from "../received-parts.ts";
import { serve } from "../serve.ts";
import { idOf } from "./emails.ts";

const DOWNLOADS_PER_MINUTE = 600;

export const receivedRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "listReceived", (c, { query }) => ask(c, "listReceived", query));
  serve(app, "getReceived", async (c, { query }) => {
    const email = await readEmail(c);
    return email instanceof Response ? email : answer(c, await detailOf(c, email, query.html_format));
  });
  serve(app, "deleteReceived", (c) => ask(c, "deleteReceived", { id: idOf(c) }));
  serve(app, "listReceivedAttachments", async (c, { query }) => {
    const email = await readEmail(c);
    if (email instanceof Response) return email;
    const page = pageOfRows(
      [...email.summary.attachments.keys()],
      (index) => idAt(email, index),
      query,
      (index) => index,
    );
    if (isProblem(page)) return sendProblem(c, page);
    return answer(c, { ...page, data: await Promise.all(page.data.map((index) => attachmentOf(c, email, index))) });
  });
  serve(app, "getReceivedAttachment", async (c) => {
    const email = await readEmail(c);
    if (email instanceof Response) return email;
    const index = email.summary.attachments.findIndex(({ id }) => id === c.req.param("attachment"));
    return index < 0
      ? sendProblem(c, problem("not_found", "The email has no attachment with this id."))
      : answer(c, { object: "attachment", ...(await attachmentOf(c, email, index)) });
  });
};

/** `GET /received/:account/:email/:part`: outside of the API, for whoever has the link. */
export const downloadRoutes = (app: Hono<GatewayEnv>): void => {
  app.get("/received/:account/:email/:part", limitVisitors(DOWNLOADS_PER_MINUTE), download);
};

const idAt = ({ summary }: ReceivedEmail, index: number): string => summary.attachments[index]?.id ?? "";

/** The email, or the response that says why there is none. */
const readEmail = async (c: GatewayContext): Promise<ReceivedEmail | Response> => {
  const visitor = c.get("visitor");
  const told = await askAs(c.env, visitor.account, visitor, "getReceived", { id: idOf(c) });
  if (isProblem(told.answer)) return answerTold(c, told);
  c.set("rate", told.rate);
  return told.answer;
};

const readerOf = (c: GatewayContext, account: string, { k }: ReceivedEmail): PartReader => {
  const stub = accountStub(c.env, account);
  return new PartReader((start, end) => stub.receivedBytes(k, start, end));
};

const detailOf = async (
  c: GatewayContext,
  email: ReceivedEmail,
  format: "data_uri" | "cid",
): Promise<ReceivedDetail> => {
  const reader = readerOf(c, c.get("visitor").account, email);
  const html = await reader.text(email.body.html);
  return {
    object: "email",
    ...email.summary,
    html: html !== null && format === "data_uri" ? await reader.withInlineImages(html, email.attachments) : html,
    text: await reader.text(email.body.text),
    headers: email.body.headers,
    raw: await linkTo(c, email, "raw"),
  };
};

const linkTo = async (
  c: GatewayContext,
  { summary }: ReceivedEmail,
  part: string,
): Promise<{ download_url: string; expires_at: string }> => {
  const what = { account: c.get("visitor").account, email: summary.id, part };
  const { path, expiresMs } = await downloadLink(c.env.HIKYAKU_MASTER_KEY, what, Date.now());
  const base = c.env.HIKYAKU_PUBLIC_URL.replace(/\/+$/, "") || new URL(c.req.url).origin;
  return { download_url: base + path, expires_at: new Date(expiresMs).toISOString() };
};

const attachmentOf = async (c: GatewayContext, email: ReceivedEmail, index: number): Promise<ReceivedAttachment> => {
  const {
    id = "",
    filename,
    size = 0,
    content_type = "",
    content_id,
    content_disposition,
  } = email.summary.attachments[index] ?? {};
  return {
    id,
    ...(filename && { filename }),
    size,
    content_type,
    content_disposition: content_disposition === "inline" ? "inline" : "attachment",
    ...(content_id && { content_id }),
    ...(await linkTo(c, email, id)),
  };
};

const nothingThere = () => problem("not_found", "The link is not right, has expired, or what it led to was deleted.");

const download = async (c: GatewayContext): Promise<Response> => {
  const { account = "", email = "", part = "" } = c.req.param();
  const what: Download = { account, email, part, expires: Number(c.req.query("expires")) };
  const proof = await verifyDownload(c.env.HIKYAKU_MASTER_KEY, what, c.req.query("signature") ?? "", Date.now());
  if (proof !== "valid") return sendProblem(c, nothingThere());
  const found = await accountStub(c.env, account).receivedEmail(email);
  if (isProblem(found)) return sendProblem(c, nothingThere());
  const reader = readerOf(c, account, found);
  if (part === "raw") {
    const raw = { encoding: "none", start: 0, end: found.size } as const;
    return respond(c, reader.stream(raw), 200, downloadHeaders("message/rfc822", `${email}.eml`));
  }
  const index = found.summary.attachments.findIndex(({ id }) => id === part);
  const attachment = found.attachments[index];
  if (!attachment) return sendProblem(c, nothingThere());
  const { type, filename } = attachment;
  return respond(c, reader.stream(attachment), 200, downloadHeaders(type, filename ?? "attachment"));
};
