/**
 * The trace field that whoever takes a message puts on top of it (RFC 5321 §4.4).
 *
 * A client says of itself what it likes; nothing of it ends the field or begins another.
 */
import type { InboundClient } from "./reception.ts";

export type Trace = {
  client: InboundClient;
  /** What this relay calls itself. */
  name: string;
  /** By which the message is found again. */
  id: string;
  nowMs: number;
};

/** With its line end. */
export const receivedField = ({ client, name, id, nowMs }: Trace): string => {
  const helo = client.helo.replaceAll(/[^\w.:[\]-]/g, "_").slice(0, 255);
  const date = new Date(nowMs).toUTCString().replace("GMT", "+0000");
  const how = client.isSecure ? "ESMTPS" : "ESMTP";
  return `Received: from ${helo || "unknown"} ([${client.ip}])\r\n\tby ${name} with ${how} id ${id};\r\n\t${date}\r\n`;
};
