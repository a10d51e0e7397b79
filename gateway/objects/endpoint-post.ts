/**
 * One POST to an endpoint: one deadline for all of it, no redirect followed, no more of the reply read than is kept.
 *
 * The URL is judged again before each connection. Names are not resolved here: on workerd the network service behind
 * `fetch` connects to public addresses only, so a name that was rebound to a private one cannot be reached.
 * Whatever goes wrong is a reply with status 0: nothing throws.
 */
import { checkUrl } from "../core/public-address.ts";
import { readRetryAfter, type WebhookReply } from "../core/webhook-retry.ts";
import type { SignedWebhook } from "../core/webhook-signature.ts";

/** `text`: the beginning of the reply, or why there was none. */
export type Posted = WebhookReply & { text: string; sentAtMs: number; durationMs: number };

export type PostOptions = { allowPrivate: boolean; timeoutMs: number };

/** Of a reply's body. */
const KEPT_BYTES = 2048;

export const postWebhook = async (url: string, signed: SignedWebhook, options: PostOptions): Promise<Posted> => {
  const sentAtMs = Date.now();
  const reply = await ask(url, signed, options);
  return { ...reply, sentAtMs, durationMs: Date.now() - sentAtMs };
};

const ask = async (url: string, { headers, body }: SignedWebhook, options: PostOptions) => {
  const checked = checkUrl(url, options);
  if (checked.kind === "refused") return { status: 0, text: `It was not called: ${checked.reason}.` };
  // Not `AbortSignal.timeout`, whose timers stay until they fire: at 2,000 events a second that would be 30,000 of them.
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort();
  }, options.timeoutMs);
  try {
    const response = await fetch(checked.url, {
      method: "POST",
      redirect: "manual",
      signal: deadline.signal,
      headers: { ...headers, "content-type": "application/json", "user-agent": "Hikyaku-Webhooks" },
      body,
    });
    const { status } = response;
    const retryAfterMs = readRetryAfter(status, response.headers.get("retry-after"), Date.now());
    return { status, retryAfterMs, text: response.body ? await readStart(response.body, deadline.signal) : "" };
  } catch {
    // A refused connection, an unknown name, broken TLS, our own deadline: fetch tells them apart by no code.
    const why = deadline.signal.aborted ? `within ${options.timeoutMs / 1000} s` : "it cannot be reached";
    return { status: 0, text: deadline.signal.aborted ? `There was no reply ${why}.` : `There was no reply: ${why}.` };
  } finally {
    clearTimeout(timer);
  }
};

/** The first of a body, as text; a body that breaks off or comes too slowly ends where it is. */
const readStart = async (body: ReadableStream<Uint8Array>, deadline: AbortSignal): Promise<string> => {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  deadline.addEventListener("abort", cancel);
  let text = "";
  let bytes = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const kept = read.value.subarray(0, KEPT_BYTES - bytes);
      bytes += kept.byteLength;
      // As a stream: a character that is cut in two at the end is left out.
      text += decoder.decode(kept, { stream: true });
      if (bytes === KEPT_BYTES) break;
    }
    cancel();
  } catch {
    // The status has come, and that is what counts.
  } finally {
    deadline.removeEventListener("abort", cancel);
  }
  return text;
};
