/**
 * The inbound server with one desk whose answers are data, and strangers who come to it.
 */
import { INBOUND_LIMITS, type InboundLimits } from "../../../relay-node/inbound/limits.ts";
import type { Desk, InboundDelivery, SmtpReply } from "../../../relay-node/inbound/reception.ts";
import { makeSelfSigned } from "../../../relay-node/inbound/self-signed.ts";
import { startInboundServer } from "../../../relay-node/inbound/server.ts";
import { atEnd, SILENT } from "../delivery/relay-scene.ts";
import { SmtpVisitor } from "./smtp-visitor.ts";

const TAKEN: SmtpReply = { code: 250, text: "2.0.0 Taken" };
const certificate = makeSelfSigned("mx.test", Date.now());

/** Answers by local part; `ok` and all others with an answer are its own. */
export const answeringDesk = (
  taken: InboundDelivery[],
  answers: Record<string, SmtpReply>,
  wanted?: Desk["wanted"],
): Desk => ({
  owns: async ({ localPart, domain }) => {
    if (localPart === "unknown") return "unknown";
    return localPart in answers && ["here.test", "xn--exmple-cua.test", ""].includes(domain) ? "yes" : "no";
  },
  wanted: wanted ?? { bytes: 100_000, beyond: "cut" },
  take: async (delivery) => {
    taken.push({ ...delivery, bytes: Buffer.from(delivery.bytes) });
    return answers[delivery.recipient.split("@")[0] ?? ""] ?? TAKEN;
  },
});

const ANSWERS = {
  ok: TAKEN,
  other: TAKEN,
  postmaster: TAKEN,
  later: { code: 451, text: "4.3.0 Later" },
  never: { code: 550, text: "5.7.1 Never" },
};

export const serverScene = async (
  limits: Partial<InboundLimits> = {},
  wanted?: Desk["wanted"],
  others: readonly Desk[] = [],
) => {
  const taken: InboundDelivery[] = [];
  const server = await startInboundServer({
    ...{ host: "127.0.0.1", port: 0, name: "mx.test", certificate, log: SILENT },
    limits: { ...INBOUND_LIMITS, ...limits },
    desks: [...others, answeringDesk(taken, ANSWERS, wanted)],
  });
  const visitors: SmtpVisitor[] = [];
  atEnd(async () => {
    for (const visitor of visitors) visitor.close();
    await server.close();
  });
  const visit = async (localAddress?: string): Promise<SmtpVisitor> => {
    const visitor = await SmtpVisitor.to(server.port, localAddress);
    visitors.push(visitor);
    return visitor;
  };
  return { server, taken, visit };
};
