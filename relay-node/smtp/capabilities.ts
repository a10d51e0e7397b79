/**
 * What a server says it can do: the keywords of its EHLO answer (RFC 5321 §4.1.1.1).
 *
 * Only extensions that change what we send are kept; the rest is ignored. After HELO, and again after
 * STARTTLS until the second EHLO, a server can do nothing (`NO_CAPABILITIES`).
 */
export type Capabilities = {
  pipelining: boolean;
  /** RFC 1870: `SIZE=` may be said. */
  size: boolean;
  /** RFC 1870 §4: the announced limit in octets; absent when the server fixes none. */
  sizeLimitOctets?: number;
  eightBitMime: boolean;
  smtpUtf8: boolean;
  startTls: boolean;
  auth: readonly AuthMechanism[];
};

export type AuthMechanism = "PLAIN" | "LOGIN";

export const NO_CAPABILITIES: Capabilities = {
  pipelining: false,
  size: false,
  eightBitMime: false,
  smtpUtf8: false,
  startTls: false,
  auth: [],
};

/** Reads the text of an EHLO reply: its first line greets, each other one is a keyword and its parameters. */
export const parseCapabilities = (text: string): Capabilities => {
  const found: Capabilities = { ...NO_CAPABILITIES };
  for (const line of text.toUpperCase().split("\n").slice(1)) {
    // `AUTH=PLAIN` is what servers wrote for clients older than RFC 2554.
    const [keyword = "", ...parameters] = line.trim().split(/[ =]+/);
    switch (keyword) {
      case "PIPELINING":
        found.pipelining = true;
        break;
      case "SIZE": {
        found.size = true;
        const limit = Number(parameters[0] ?? 0);
        if (Number.isSafeInteger(limit) && limit > 0) found.sizeLimitOctets = limit;
        break;
      }
      case "8BITMIME":
        found.eightBitMime = true;
        break;
      case "SMTPUTF8":
        found.smtpUtf8 = true;
        break;
      case "STARTTLS":
        found.startTls = true;
        break;
      case "AUTH":
        found.auth = MECHANISMS.filter((mechanism) => parameters.includes(mechanism) || found.auth.includes(mechanism));
        break;
      default:
    }
  }
  return found;
};

const MECHANISMS = ["PLAIN", "LOGIN"] as const;
