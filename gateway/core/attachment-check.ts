/**
 * Attachments of a send: each has readable base64 or a URL, and nothing in its names that could end a header.
 */
import type { Attachment } from "#contract/email.ts";
import { isSafeContentId, isSafeHeaderValue } from "#contract/header-text.ts";
import { problem, type Problem } from "#contract/problem.ts";
import type { EmailContent } from "#contract/relay-protocol.ts";

type Attached = NonNullable<EmailContent["attachments"]>[number];

/** One that is fetched while the send is answered; its `content` is empty until then. */
export type RemoteAttachment = { index: number; url: string; named: boolean };

export type CheckedAttachments = { kind: "attachments"; list: Attached[]; remote: RemoteAttachment[] };

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export const checkAttachments = (attachments: readonly Attachment[]): CheckedAttachments | Problem => {
  const list: Attached[] = [];
  const remote: RemoteAttachment[] = [];
  for (const [index, attachment] of attachments.entries()) {
    const refuse = (what: string): Problem =>
      problem("invalid_attachment", `Invalid \`attachments[${index}]\`: ${what}.`);
    const { filename, path, content_type, content_id } = attachment;
    if (isAbsent(attachment.content) === isAbsent(path)) return refuse("give either `content` or `path`");
    if (isAbsent(filename) && isAbsent(path)) return refuse("`filename` is missing");
    for (const [field, value] of Object.entries({ filename, content_type, content_id }))
      if (!isAbsent(value) && !isSafeHeaderValue(value))
        return refuse(`\`${field}\` may not have line breaks or control characters`);
    if (!isAbsent(content_id) && !isSafeContentId(content_id))
      return refuse("`content_id` must be printable ASCII without spaces and angle brackets");
    const content = unwrapped(attachment.content ?? "");
    if (content.length % 4 !== 0 || !BASE64.test(content)) return refuse("`content` is not base64");
    if (!isAbsent(path)) remote.push({ index, url: path, named: !isAbsent(filename) });
    list.push({
      filename: filename ?? "attachment",
      content,
      ...(!isAbsent(content_type) && { content_type }),
      ...(!isAbsent(content_id) && { content_id }),
    });
  }
  return { kind: "attachments", list, remote };
};

const isAbsent = (value: string | null | undefined): value is null | undefined => value === null || value === undefined;

/** Wrapped base64 is common; its line ends carry nothing. */
const unwrapped = (base64: string): string => (base64.includes("\n") ? base64.replaceAll(/\r?\n/g, "") : base64);
