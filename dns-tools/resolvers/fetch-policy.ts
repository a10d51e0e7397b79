/**
 * MTA-STS policies fetched as senders fetch them (RFC 8461 §3.3), over whatever `fetch` the runtime has.
 *
 * One GET over HTTPS with a certificate for the host; no redirect is followed. Nothing here rejects, waits longer than
 * its deadline or reads more than a policy may have. It keeps no answers: a policy is looked at as it is now.
 */
import type { FetchedPolicy, FetchPolicy } from "#dns/mta-sts-findings.ts";
import { LARGEST_POLICY_OCTETS } from "#dns/mta-sts.ts";

export type PolicyFetchOptions = {
  /** For the request and its answer. */
  timeoutMs: number;
  /**
   * Asked before, where somebody can know it: whether the host is of the public Internet. What `fetch` connects to it
   * does not bind; that only a host with a certificate for its name is believed, does.
   */
  isPublic?: (host: string) => Promise<boolean>;
  fetch?: typeof fetch;
};

export const policyFetcher =
  ({ timeoutMs, isPublic, fetch: get = fetch }: PolicyFetchOptions): FetchPolicy =>
  async (host, signal) => {
    if (isPublic && !(await isPublic(host))) return { kind: "failed", reason: `${host} has no public address` };
    const deadline = AbortSignal.timeout(timeoutMs);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      // RFC 8461 §3.3: no answer out of a cache.
      const headers = { accept: "text/plain", "cache-control": "no-cache", "user-agent": "Hikyaku" };
      const url = `https://${host}/.well-known/mta-sts.txt`;
      return await read(await get(url, { redirect: "manual", headers, signal: either }), host);
    } catch (error) {
      if (either.aborted) return { kind: "failed", reason: `${host} did not answer in time` };
      return { kind: "failed", reason: `${host} could not be asked (${causeOf(error)})` };
    }
  };

const read = async (response: Response, host: string): Promise<FetchedPolicy> => {
  const { status } = response;
  // RFC 8461 §3.3: 200 and no other; a redirect must not be followed.
  if (status !== 200) {
    await response.body?.cancel();
    // RFC 9110 §15.6: the fault is the server's, and it may be over soon.
    return { kind: status >= 500 ? "failed" : "not-served", reason: `${host} answered with HTTP status ${status}` };
  }
  const text = await readBounded(response);
  if (text === undefined)
    return { kind: "not-served", reason: `the file has more than ${LARGEST_POLICY_OCTETS / 1024} KB` };
  return { kind: "text", contentType: response.headers.get("content-type") ?? "", text };
};

/** `undefined`: it was too long, and its rest was not read. */
const readBounded = async (response: Response): Promise<string | undefined> => {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  let sizeOctets = 0;
  const body: ReadableStream<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    sizeOctets += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (sizeOctets > LARGEST_POLICY_OCTETS) return undefined;
    text += utf8.decode(chunk, { stream: true });
  }
  return text + utf8.decode();
};

/** `fetch` says only that it failed; why is in the error's cause. */
const causeOf = (error: unknown): string => {
  const { cause = error } = error instanceof Error ? error : {};
  return cause instanceof Error ? cause.message : "unknown";
};
