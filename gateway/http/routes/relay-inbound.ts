/**
 * `POST /relay/inbound/reports`: bounces and complaints that came to a relay by mail.
 *
 * A report whose proof does not hold wakes no account. The answer goes out when what it says is durable; an account
 * that cannot be asked fails only its own reports.
 */
import { Hono } from "hono";
import { InboundReports, type ReportVerdict } from "#contract/inbound.ts";
import { isProblem } from "#contract/problem.ts";
import { proofOf } from "../../core/inbound-proof.ts";
import { shapeProblem } from "../../core/shape-problem.ts";
import type { ProvedReport } from "../../objects/account-reports.ts";
import { logEvent } from "../../objects/log.ts";
import { accountStub } from "../ask.ts";
import type { GatewayEnv } from "../context.ts";
import { respond, sendProblem } from "../problem-response.ts";
import { relayDmarcRoutes } from "./relay-dmarc.ts";
import { relayReceivedRoutes } from "./relay-received.ts";
import { readJson } from "../read-body.ts";

export const relayInboundRoutes = (): Hono<GatewayEnv> =>
  relayDmarcRoutes(relayReceivedRoutes(new Hono<GatewayEnv>())).post("/reports", async (c) => {
    const body = await readJson(c.req.raw);
    if (isProblem(body)) return sendProblem(c, body);
    const posted = InboundReports.safeParse(body.json);
    if (!posted.success) return sendProblem(c, shapeProblem(posted.error, body.json));
    return respond(c, JSON.stringify({ verdicts: await verdictsOn(c.env, posted.data) }));
  });

type Placed = { index: number; proved: ProvedReport };

const verdictsOn = async (env: Env, { reports }: InboundReports): Promise<ReportVerdict[]> => {
  const nowMs = Date.now();
  const proofs = await Promise.all(reports.map((report) => proofOf(env.HIKYAKU_MASTER_KEY, report, nowMs)));
  const verdicts: ReportVerdict[] = [];
  const byAccount = new Map<string, Placed[]>();
  for (const [index, { report }] of reports.entries()) {
    const proof = proofs[index];
    verdicts.push(proof && "account" in proof ? "failed" : (proof?.kind ?? "unproved"));
    if (!proof || !("account" in proof)) continue;
    const placed = { index, proved: { of: proof.kind, k: proof.k, report } };
    byAccount.set(proof.account, [...(byAccount.get(proof.account) ?? []), placed]);
  }
  await Promise.all(
    Array.from(byAccount, async ([account, list]) => {
      const told = await ask(env, account, list);
      for (const [at, { index }] of list.entries()) verdicts[index] = told[at] ?? "failed";
    }),
  );
  return verdicts;
};

const ask = async (env: Env, account: string, list: readonly Placed[]): Promise<readonly ReportVerdict[]> => {
  try {
    return await accountStub(env, account).takeReports(list.map(({ proved }) => proved));
  } catch (error) {
    logEvent("error", "reports.failed", { account, count: list.length, error: String(error) });
    return [];
  }
};
