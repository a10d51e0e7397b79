/**
 * The headers under which what strangers sent leaves our origin: always to be saved, never to be shown by it.
 *
 * Nothing in such a file runs with our origin's rights: no type that browsers run, no guessing, and a sandbox beside.
 */

/** RFC 6838 §4.2. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
/** What browsers read as a document or a program. */
const ACTIVE =
  /^(text\/(html|xml|xsl|css|javascript|ecmascript|x-.*script)|application\/(.*(java|ecma)script|xml.*))$|xml$|^multipart\//;
const UNKNOWN = "application/octet-stream";

/** `type` and `filename` as the sender wrote them. */
export const downloadHeaders = (type: string, filename: string): Record<string, string> => ({
  "content-type": safeType(type),
  "content-disposition": `attachment; filename="${plainName(filename)}"; filename*=UTF-8''${encodedName(filename)}`,
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; sandbox",
  "referrer-policy": "no-referrer",
  "cache-control": "private, no-store",
});

const safeType = (type: string): string => (MEDIA_TYPE.test(type) && !ACTIVE.test(type) ? type : UNKNOWN);

/** RFC 6266 appendix D: for those who do not read the other. */
const plainName = (name: string): string => name.replaceAll(/[^\w .()-]/g, "_");

/** RFC 8187 §3.2.1. What names a folder or is no character goes. */
const encodedName = (name: string): string =>
  encodeURIComponent(name.replaceAll(/[\p{Cc}/\\]/gu, "_").toWellFormed()).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
