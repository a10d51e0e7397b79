/** A domain to be set up, its owner's DNS before and after, and the wizard over either. */
import { wizardApp } from "../../../dns-tools/wizard/app.ts";
import { recordedResolver, type RecordedZone } from "../../../dns-tools/resolvers/recorded.ts";
import { ED25519, RSA_2048 } from "../support/public-keys.ts";

export const ANSWERS = new URLSearchParams([
  ["domain", "d.test"],
  ["include", "spf.relay.test"],
  ["return-path", "send"],
  ["bounce", "bounce.relay.test"],
  ["policy", "none"],
  ["rua", "dmarc@d.test"],
  ["selector", "s1"],
  ["key", `v=DKIM1; k=rsa; p=${RSA_2048}`],
  ["selector", "s2"],
  ["key", ED25519],
]).toString();

export const BARE: RecordedZone = {
  "d.test": { MX: [{ preference: 10, exchange: "mail.d.test" }], A: ["192.0.2.1"] },
  "mail.d.test": { A: ["192.0.2.2"] },
  "bounce.relay.test": { A: ["192.0.2.3"] },
  "spf.relay.test": { TXT: ["v=spf1 ip4:192.0.2.0/24 ~all"] },
};

export const answer = async (
  zone: RecordedZone,
  path: string,
  headers: Record<string, string> = {},
  basePath = "",
): Promise<Response> =>
  wizardApp({ resolve: recordedResolver(zone), basePath }).request(path, {
    headers: { accept: "text/html", ...headers },
  });

export const page = async (zone: RecordedZone, path: string): Promise<string> => (await answer(zone, path)).text();
