/**
 * The desks of this relay put together, in the order in which they are asked whose an address is.
 */
import type { Logger } from "pino";
import type { Carrier } from "../delivery/attempt.ts";
import type { MailResolver } from "../policy/targets.ts";
import type { RelaySettings } from "../settings.ts";
import { createDmarcDesk } from "./dmarc-desk.ts";
import { createDmarcPost } from "./dmarc-post.ts";
import { createLetterForward } from "./letter-forward.ts";
import { createPostmasterDesk } from "./postmaster-desk.ts";
import { createAuthenticator } from "./received-authentication.ts";
import { createReceivedDesk } from "./received-desk.ts";
import { createReceivedPost } from "./received-post.ts";
import { ReceivingDomains } from "./receiving-domains.ts";
import type { Desk } from "./reception.ts";
import { createReportDesk, createReportReader } from "./report-desk.ts";
import { ReportPost } from "./report-post.ts";

export type DesksOptions = {
  /** What this relay calls itself. */
  name: string;
  resolver: MailResolver;
  /** With `LETTER_TIMEOUTS`. */
  carrier: Carrier;
  log: Logger;
};

/** `reports`: the one for bounces and complaints. */
export const openDesks = (
  settings: RelaySettings,
  { name, resolver, carrier, log }: DesksOptions,
): { desks: Desk[]; reports: Desk } => {
  const { bounceDomain, gatewayUrl, token, dnsServers: servers, postmaster, routes, mxPort } = settings;
  const nowMs = Date.now;
  const post = new ReportPost(gatewayUrl, token, log);
  const reports = createReportDesk({ bounceDomain, post, log });
  const authenticate = createAuthenticator({ name, servers, log });
  const dmarcPost = createDmarcPost({ gatewayUrl, token, log });
  const dmarc = createDmarcDesk({ bounceDomain, authenticate, post: dmarcPost, log });
  const received = createReceivedDesk({
    ...{ name, log, authenticate, nowMs },
    domains: new ReceivingDomains({ gatewayUrl, token, nowMs }),
    post: createReceivedPost({ gatewayUrl, token, log }),
  });
  if (!postmaster) return { desks: [reports, dmarc, received], reports };
  const operator = createPostmasterDesk({
    domains: [bounceDomain, name.toLowerCase()],
    read: createReportReader({ post, log }),
    forward: createLetterForward({ to: postmaster, name, routes, resolver, mxPort, carrier, nowMs, log }),
  });
  return { desks: [operator, reports, dmarc, received], reports };
};
