/**
 * The address a request came from: of the connection, or what the proxy before the gateway says, when one is set.
 */
import type { GatewayContext } from "./context.ts";

export const clientIp = (c: GatewayContext): string | undefined => {
  const header = c.env.HIKYAKU_CLIENT_IP_HEADER;
  // A list grows to the right: the last address is the one that the proxy itself saw.
  if (header) return c.req.header(header)?.split(",").at(-1)?.trim();
  const peer: unknown = c.req.raw.cf?.["clientIp"];
  if (typeof peer !== "string") return undefined;
  return peer.startsWith("[") ? peer.slice(1, peer.indexOf("]")) : peer.slice(0, peer.lastIndexOf(":"));
};
