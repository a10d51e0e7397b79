/**
 * JSON from somebody else's server, over `fetch`: so much of it, for so long, from nowhere but where it was asked.
 *
 * What comes is a value and not yet believed: its shape is for the caller to parse. Nothing here rejects, and no reason
 * has anything of the request's headers or body in it.
 */
export type JsonAnswer =
  /** `body` is `undefined` where an error came without JSON. */
  | { kind: "json"; status: number; body: unknown }
  /** No answer, or none that is JSON. Whether a request that changes something was carried out is then not known. */
  | { kind: "failed"; reason: string };

export type JsonBounds = { mostOctets: number; signal: AbortSignal };

export const fetchJson = async (
  get: typeof fetch,
  url: string,
  init: RequestInit,
  { mostOctets, signal }: JsonBounds,
): Promise<JsonAnswer> => {
  const failed = (what: string): JsonAnswer => ({ kind: "failed", reason: `${URL.parse(url)?.host ?? "it"} ${what}` });
  try {
    // A redirect would carry what is secret to whom it was not meant for.
    const response = await get(url, { ...init, redirect: "manual", signal });
    const text = await readBounded(response, mostOctets);
    if (text === undefined) return failed("sent more than was to be expected");
    if (response.status >= 300 && response.status < 400) return failed("wants to be asked elsewhere");
    const body = parseJson(text);
    if (body === undefined && response.ok) return failed(`answered ${response.status}, not in JSON`);
    return { kind: "json", status: response.status, body };
  } catch {
    return failed(signal.aborted ? "did not answer in time" : "could not be reached");
  }
};

const readBounded = async (response: Response, mostOctets: number): Promise<string | undefined> => {
  const decoder = new TextDecoder();
  let text = "";
  let octets = 0;
  for await (const chunk of response.body ?? []) {
    octets += chunk.byteLength;
    if (octets > mostOctets) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
