/**
 * The media type of an attachment: what the customer says, else what the file's name says, else unknown bytes.
 */
const BY_EXTENSION: Record<string, string> = {
  csv: "text/csv",
  gif: "image/gif",
  html: "text/html",
  ics: "text/calendar",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  json: "application/json",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain",
  webp: "image/webp",
  xml: "application/xml",
  zip: "application/zip",
};

/** RFC 2045 §5.1 type and subtype; parameters of the customer's are kept when they are plain. */
const MEDIA_TYPE =
  /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}(; *[a-z0-9-]+=("[\x20-\x21\x23-\x5b\x5d-\x7e]*"|[a-z0-9!#$&^_.+-]+))*;?$/i;
/** Attachments travel in base64, which these may not (RFC 2046 §5, §5.2.1); readers would take them apart. */
const COMPOSITE = /^(multipart|message)\//i;

export const contentTypeOf = ({
  filename,
  content_type,
}: {
  filename: string;
  content_type?: string | undefined;
}): string => {
  if (content_type !== undefined && COMPOSITE.test(content_type)) return "application/octet-stream";
  if (content_type !== undefined && MEDIA_TYPE.test(content_type)) return content_type.replace(/;$/, "");
  const extension = /\.([a-z0-9]+)$/i.exec(filename)?.[1]?.toLowerCase() ?? "";
  return BY_EXTENSION[extension] ?? "application/octet-stream";
};
