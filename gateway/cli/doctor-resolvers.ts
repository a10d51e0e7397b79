/**
 * `hikyaku doctor`, of the gateway's DNS: whether each resolver of `HIKYAKU_DOH_URL` answers, and what it costs when one
 * does not. Where two have to agree, one alone verifies no domain.
 */
import { dohResolver } from "#resolvers/doh.ts";

/** As a line of the doctor; `undefined`: all is well. */
export type ResolverTrouble = { status: "warn" | "unknown"; text: string };

const TIMEOUT_MS = 5000;

/** Asks each of `urls` for the MX of `probeDomain`, side by side. */
export const resolverTrouble = async (
  urls: readonly string[],
  probeDomain: string,
): Promise<ResolverTrouble | undefined> => {
  const answers = await Promise.all(
    urls.map((url) => dohResolver({ urls: [url], timeoutMs: TIMEOUT_MS })(probeDomain, "MX")),
  );
  const failures = answers.flatMap((answer) => ("reason" in answer ? [answer.reason] : []));
  if (failures.length === 0) return undefined;
  const seen = failures.join("; ");
  if (failures.length === urls.length)
    return { status: "unknown", text: `${seen}: is there a network? Until one answers, no domain can be verified` };
  const answering = urls.length - failures.length;
  const text =
    answering < 2
      ? `${seen}. Until it is back no domain can be verified, for two have to agree: name another in HIKYAKU_DOH_URL, which then stands by`
      : `${seen}. Others stand in for it`;
  return { status: "warn", text };
};
