/**
 * `POST /relay/inbound/dmarc`: a DMARC report that came to a relay by mail.
 *
 * One whose address is forged wakes no account. The answer goes out when the report is durable.
 */
import type { Hono } from "hono";
import { PostedReport } from "#contract/dmarc-report.ts";
import { isProblem } from "#contract/problem.ts";
import { proveReportAddress } from "../../core/dmarc-report-proof.ts";
import { shapeProblem } from "../../core/shape-problem.ts";
import { accountStub } from "../ask.ts";
import type { GatewayEnv } from "../context.ts";
import { respond, sendProblem } from "../problem-response.ts";
import { readJson } from "../read-body.ts";

export const relayDmarcRoutes = (app: Hono<GatewayEnv>): Hono<GatewayEnv> =>
  app.post("/dmarc", async (c) => {
    const body = await readJson(c.req.raw);
    if (isProblem(body)) return sendProblem(c, body);
    const posted = PostedReport.safeParse(body.json);
    if (!posted.success) return sendProblem(c, shapeProblem(posted.error, body.json));
    const { recipient, ...mailed } = posted.data;
    const token = await proveReportAddress(c.env.HIKYAKU_MASTER_KEY, recipient);
    const verdict = token ? await accountStub(c.env, token.account).takeDmarcReport(token.k, mailed) : "forged";
    return respond(c, JSON.stringify({ verdict }));
  });
