/**
 * Opens and clicks that no person made, by the marks of the request: image proxies that fetch when mail arrives, scanners
 * that follow each link before the reader may, prefetchers, bots.
 *
 * A table, and no proof: who pretends to be a browser is taken for one, and a proxy that fetches for a person who looks is
 * taken for a machine. Marked visits are told with the reason and not counted.
 */
export type VisitMarks = {
  kind: "opened" | "clicked";
  method: string;
  userAgent: string;
  /** Of the fields `Sec-Purpose`, `Purpose` and `X-Moz`, those that are there. */
  purposes: readonly string[];
};

/** Reasons by what a user agent has in it; the first that fits. */
const AGENTS: readonly (readonly [reason: string, pattern: RegExp])[] = [
  ["google_image_proxy", /GoogleImageProxy/i],
  ["yahoo_mail_proxy", /YahooMailProxy/i],
  ["outlook_safelinks", /SafeLinks|BingPreview|Microsoft Office Existence Discovery|MicrosoftPreview/i],
  ["barracuda", /Barracuda/i],
  ["proofpoint", /Proofpoint/i],
  ["mimecast", /Mimecast/i],
  ["scanner", /Symantec|MessageLabs|TrendMicro|Sophos|FireEye|Cisco-?(IronPort|ESA)|urlscan|VirusTotal|scanner/i],
  ["bot", /bot\b|crawler|spider|slurp|preview|facebookexternalhit|WhatsApp|Slack-ImgProxy|Headless|PhantomJS/i],
  ["program", /^(curl|wget|python|go-http-client|java|okhttp|axios|node|undici|libwww|ruby|php|apache-httpclient)/i],
];

/** The reason in a word; `undefined`: it may have been a person. */
export const machineOf = ({ kind, method, userAgent, purposes }: VisitMarks): string | undefined => {
  if (method === "HEAD") return "head";
  if (purposes.some((purpose) => /prefetch|preview|prerender/i.test(purpose))) return "prefetch";
  if (userAgent === "") return "no_user_agent";
  // Apple's Mail Privacy Protection fetches all pictures under this name, and no browser has it.
  if (userAgent === "Mozilla/5.0") return kind === "opened" ? "apple_mail_privacy" : "bot";
  return AGENTS.find(([, pattern]) => pattern.test(userAgent))?.[0];
};
