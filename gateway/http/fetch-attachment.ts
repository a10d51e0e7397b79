/**
 * Fetches an attachment that a send names by URL: from public addresses only, within a size and a time.
 *
 * Redirects are followed by hand, each looked at as the first was. One deadline holds for all of it, so a server that
 * trickles gains nothing. Names are not resolved here: on workerd the network service behind `fetch` connects to public
 * addresses only, so a name that leads to a private one, always or after rebinding, cannot be reached.
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

/** `limitBytes`: of the body, as it is after decoding. `timeoutMs`: for all redirects and the body together. */
export type FetchOptions = { allowPrivate: boolean; limitBytes: number; timeoutMs: number; fetch?: typeof fetch };

const REDIRECTS = 5;
/** RFC 9110 §15.4: the statuses whose Location is where to go on, as the Fetch Standard has them. */
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];
/** RFC 6838 §4.2. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i;

/** The whole body, or why not: `security_error` when a URL on the way is private, `invalid_attachment` for all else. */
export const fetchAttachment = async (text: string, options: FetchOptions): Promise<FetchedAttachment | Problem> => {
  const signal = AbortSignal.timeout(options.timeoutMs);
  let next = text;
  let place = "its URL";
  for (let redirects = 0; ; redirects++) {
    const checked = checkUrl(next, options);
    if (checked.kind === "refused")
      return checked.code === "private"
        ? problem("security_error", `The attachment may not be fetched from ${place}: ${checked.reason}.`)
        : problem("invalid_attachment", `The attachment cannot be fetched from ${place}: ${checked.reason}.`);
    const { host } = checked.url;
    const fetched = await follow(checked.url, options, signal);
    if (fetched.kind !== "redirect") return fetched;
    if (redirects === REDIRECTS) return cannot(`${host} redirects once more after ${REDIRECTS} redirects`);
    next = fetched.to;
    place = `where ${host} redirects to`;
  }
};

const cannot = (why: string): Problem => problem("invalid_attachment", `The attachment cannot be fetched: ${why}.`);

const follow = async (
  url: URL,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<FetchedAttachment | Problem | { kind: "redirect"; to: string }> => {
  const { host } = url;
  let failure = "cannot be reached";
  try {
    const get = options.fetch ?? fetch;
    const response = await get(url, { redirect: "manual", signal, headers: { "user-agent": "Hikyaku" } });
    failure = "broke off its reply";
    const location = response.headers.get("location");
    if (REDIRECT_STATUSES.includes(response.status) && location !== null) {
      await response.body?.cancel();
      return { kind: "redirect", to: URL.parse(location, url)?.href ?? location };
    }
    if (!response.ok) {
      await response.body?.cancel();
      return cannot(`${host} answers with status ${response.status}`);
    }
    return await read(response, url, options.limitBytes);
  } catch {
    // A refused connection, an unknown name, a broken body, our own deadline: fetch tells them apart by no code.
    return cannot(`${host} ${signal.aborted ? `took longer than ${options.timeoutMs / 1000} s` : failure}`);
  }
};

const read = async (response: Response, url: URL, limitBytes: number): Promise<FetchedAttachment | Problem> => {
  const tooLarge = cannot(`what ${url.host} sends is larger than the ${limitBytes} bytes that are left`);
  const body: ReadableStream<Uint8Array> | null = response.body;
  // RFC 9110 §8.6; a server that announces nothing, or too little, is caught by the count.
  if (Number(response.headers.get("content-length") ?? 0) > limitBytes) {
    await body?.cancel();
    return tooLarge;
  }
  const base64 = new Base64Stream();
  let bytes = 0;
  for await (const chunk of body ?? []) {
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

/** Percent-encoding undone, and what ends a header or names a folder replaced: it passes `isSafeHeaderValue`. */
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
