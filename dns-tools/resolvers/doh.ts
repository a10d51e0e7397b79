/**
 * DNS over HTTPS in wire format (RFC 8484), over whatever `fetch` the runtime has.
 *
 * The resolvers are asked in order until one gives an answer to our question; that something is not there is such an
 * answer. Nothing here rejects, waits longer than its deadline or reads more than a DNS message. It keeps no answers.
 */
import type { Resolve } from "#dns/resolver.ts";
import { formatQuestion, readAnswer } from "./dns-message.ts";

export type DohOptions = {
  urls: readonly string[];
  /** For each of the resolvers. */
  timeoutMs: number;
  fetch?: typeof fetch;
};

const MEDIA_TYPE = "application/dns-message";
/** RFC 8484 §6: as over TCP. */
const LARGEST_ANSWER_OCTETS = 65_535;

type Failure = { kind: "servfail" | "timeout" | "refused"; reason: string };

/** The port over DoH. When all fail, the last one's failure is told. */
export const dohResolver = ({ urls, timeoutMs, fetch: get = fetch }: DohOptions): Resolve => {
  const resolve: Resolve = async (name, type, signal) => {
    const question = formatQuestion(name, type);
    if (!question) return { kind: "servfail", reason: "it is not a name that the DNS can hold" };
    let failure: Failure = { kind: "servfail", reason: "no resolver is set" };
    for (const url of urls) {
      const host = URL.parse(url)?.host ?? url;
      const deadline = AbortSignal.timeout(timeoutMs);
      const response = await post(get, url, host, question, signal ? AbortSignal.any([signal, deadline]) : deadline);
      const answer = response.kind === "bytes" ? readAnswer(response.bytes, name, type, host) : response;
      if (!("reason" in answer)) return answer;
      failure = answer;
    }
    return failure;
  };
  return resolve;
};

const post = async (
  get: typeof fetch,
  url: string,
  host: string,
  body: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<{ kind: "bytes"; bytes: Uint8Array } | Failure> => {
  const servfail = (reason: string): Failure => ({ kind: "servfail", reason });
  try {
    const headers = { "content-type": MEDIA_TYPE, accept: MEDIA_TYPE };
    const response = await get(url, { method: "POST", headers, body, signal });
    const [mediaType = ""] = (response.headers.get("content-type") ?? "").split(";");
    if (!response.ok || mediaType.trim().toLowerCase() !== MEDIA_TYPE) {
      await response.body?.cancel();
      return servfail(
        response.ok ? `${host} sent \`${mediaType}\`, not DNS` : `${host} answered with HTTP status ${response.status}`,
      );
    }
    const bytes = await readBounded(response);
    return bytes ? { kind: "bytes", bytes } : servfail(`${host} sent more than a DNS message can hold`);
  } catch (error) {
    if (signal.aborted) return { kind: "timeout", reason: `${host} did not answer in time` };
    return servfail(`${host} could not be asked (${error instanceof Error ? error.message : "unknown"})`);
  }
};

/** `undefined`: it was too long, and its rest was not read. */
const readBounded = async (response: Response): Promise<Uint8Array | undefined> => {
  const bytes = new Uint8Array(LARGEST_ANSWER_OCTETS);
  let sizeOctets = 0;
  for await (const chunk of response.body ?? []) {
    if (sizeOctets + chunk.byteLength > LARGEST_ANSWER_OCTETS) return undefined;
    bytes.set(chunk, sizeOctets);
    sizeOctets += chunk.byteLength;
  }
  return bytes.subarray(0, sizeOctets);
};
