/**
 * Fetches an attachment that a send names by URL: from public addresses only, within a size and a time.
 *
 * Redirects are followed by hand, each looked at as the first was. One deadline holds for all of it, so a server that
 * trickles gains nothing. Names that resolve to private addresses: see `core/public-address.ts`.
 */
import { problem, type Problem } from "#contract/problem.ts";
import { checkUrl } from "../core/public-address.ts";
import { Base64Stream } from "./base64-stream.ts";

export type FetchedAttachment = {
  kind: "fetched";
  base64: string;
  bytes: number;
  /** As the server says, without parameters. */
  contentType: string | undefined;
  /** The last segment of the URL's path, where it is fit for a file's name. */
  filename: string | undefined;
};

export type FetchOptions = { allowPrivate: boolean; limitBytes: number; timeoutMs: number; fetch?: typeof fetch };

const REDIRECTS = 5;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i;

export const fetchAttachment = async (text: string, options: FetchOptions): Promise<FetchedAttachment | Problem> => {
  const signal = AbortSignal.timeout(options.timeoutMs);
  let next = text;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const checked = checkUrl(next, options);
    if (checked.kind === "refused")
      return checked.code === "private"
        ? problem("security_error", `The URL may not be fetched: ${checked.reason}.`)
        : cannot(`the URL cannot be used: ${checked.reason}`);
    const fetched = await follow(checked.url, options, signal);
    if (fetched.kind !== "redirect") return fetched;
    next = fetched.to;
  }
  return cannot(`the URL leads through more than ${REDIRECTS} redirects`);
};

const cannot = (why: string): Problem => problem("invalid_attachment", `The attachment cannot be fetched: ${why}.`);

const follow = async (
  url: URL,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<FetchedAttachment | Problem | { kind: "redirect"; to: string }> => {
  const { host } = url;
  try {
    const get = options.fetch ?? fetch;
    const response = await get(url, { redirect: "manual", signal, headers: { "user-agent": "Hikyaku" } });
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      return { kind: "redirect", to: URL.parse(location, url)?.href ?? location };
    }
    if (!response.ok) {
      await response.body?.cancel();
      return cannot(`${host} answers with status ${response.status}`);
    }
    return await read(response, url, options.limitBytes);
  } catch {
    // A refused connection, a name that is not there, a broken body, our own deadline: fetch tells them apart by no code.
    return cannot(
      signal.aborted ? `${host} took longer than ${options.timeoutMs / 1000} s` : `${host} cannot be reached`,
    );
  }
};

const read = async (response: Response, url: URL, limitBytes: number): Promise<FetchedAttachment | Problem> => {
  const tooLarge = cannot(`it is larger than the ${limitBytes} bytes that are left`);
  if (Number(response.headers.get("content-length") ?? 0) > limitBytes) {
    await response.body?.cancel();
    return tooLarge;
  }
  const base64 = new Base64Stream();
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (bytes > limitBytes) return tooLarge;
    base64.add(chunk);
  }
  const type = response.headers.get("content-type")?.split(";")[0]?.trim() ?? "";
  return {
    kind: "fetched",
    base64: base64.end(),
    bytes,
    contentType: MEDIA_TYPE.test(type) ? type : undefined,
    filename: fileNameOf(url),
  };
};

const fileNameOf = (url: URL): string | undefined => {
  const segment = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  let name: string;
  try {
    name = decodeURIComponent(segment);
  } catch {
    name = segment;
  }
  const safe = name
    .replaceAll(/[\p{Cc}\u2028\u2029/\\]/gu, "_")
    .slice(0, 255)
    .toWellFormed();
  return safe === "" ? undefined : safe;
};
