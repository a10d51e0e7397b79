/**
 * A form that was sent by POST from a page of ours: its fields, once it is sure that no other site sent it.
 *
 * It may hold a secret, so it is read, used and forgotten: no field of it goes into an answer. A body is read only so
 * far as a form of ours can be long.
 */
export type PostedForm =
  | { kind: "form"; fields: URLSearchParams }
  | { kind: "refused"; status: 403 | 413 | 415; text: string };

const MOST_OCTETS = 8_192;

export const readPostedForm = async (request: Request, mostOctets = MOST_OCTETS): Promise<PostedForm> => {
  if (!isSameOrigin(request))
    return { kind: "refused", status: 403, text: "This form was not sent from a page of this site." };
  const [mediaType = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (mediaType.trim().toLowerCase() !== "application/x-www-form-urlencoded")
    return { kind: "refused", status: 415, text: "This is sent as a form: application/x-www-form-urlencoded." };
  const text = await readBounded(request, mostOctets);
  if (text === undefined) return { kind: "refused", status: 413, text: "This is longer than the form can be." };
  return { kind: "form", fields: new URLSearchParams(text) };
};

/** What a browser says of where a request comes from, which no page can forge; who says nothing is refused. */
const isSameOrigin = ({ url, headers }: Request): boolean => {
  const site = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  if (site !== null) return site === "same-origin";
  // Behind a proxy the scheme may be another.
  return origin !== null && URL.parse(origin)?.host === new URL(url).host;
};

/** For requests that change nothing but cost something: whether a browser says that another site made it ask. */
export const isForeign = ({ headers }: Request): boolean => {
  const site = headers.get("sec-fetch-site");
  return site !== null && site !== "same-origin" && site !== "none";
};

const readBounded = async (request: Request, mostOctets: number): Promise<string | undefined> => {
  const decoder = new TextDecoder();
  let text = "";
  let octets = 0;
  for await (const chunk of request.body ?? []) {
    octets += chunk.byteLength;
    if (octets > mostOctets) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};
