/**
 * `/v1/domains`: sending domains. Keys are made here and sealed before they go to the account; records are looked up
 * here, because an object that waits for the DNS would keep its account waiting.
 */
import type { Hono } from "hono";
import { REGIONS, type CreateDomain } from "#contract/domain.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { seal, sealingKey } from "#contract/sealed.ts";
import { parseDomain } from "#dns/domain.ts";
import { sendingRecords } from "#dns/requirement.ts";
import { wantedSpf } from "#dns/spf-wanted.ts";
import { verifyRecords } from "#dns/verify-records.ts";
import { dohResolver } from "#resolvers/doh.ts";
import { generateDkimKey } from "../../core/dkim-key.ts";
import type { SealedSigner, StoredRecord } from "../../objects/account-domains.ts";
import { ask, askAs } from "../ask.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { answerTold, sendProblem } from "../problem-response.ts";
import { serve } from "../serve.ts";
import { idOf } from "./emails.ts";

/** The first signs beside the Ed25519 one (RFC 8463); the second is published and waits to take over. */
const SELECTORS = [
  { selector: "hikyaku1", algorithm: "rsa-sha256", standby: false },
  { selector: "hikyaku2", algorithm: "rsa-sha256", standby: true },
  { selector: "hikyaku3", algorithm: "ed25519-sha256", standby: false },
] as const;
const LOOK_UP_MS = 10_000;

export const domainRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "createDomain", async (c, { body }) => {
    const name = checkDomain(body);
    if (typeof name === "object") return sendProblem(c, name);
    const visitor = c.get("visitor");
    // Two RSA keys are a quarter of a second of work: nobody gets them for asking.
    const may = await askAs(c.env, visitor.account, visitor, "mayCreateDomain", { name });
    if (isProblem(may.answer)) return answerTold(c, may);
    const { signers, records } = await makeKeys(c.env, body);
    return ask(c, "createDomain", { name, request: body, signers, records });
  });
  serve(app, "listDomains", (c, { query }) => ask(c, "listDomains", query));
  serve(app, "getDomain", (c) => ask(c, "getDomain", { id: idOf(c) }));
  serve(app, "updateDomain", (c, { body }) => ask(c, "updateDomain", { id: idOf(c), request: body }));
  serve(app, "verifyDomain", verify);
  serve(app, "deleteDomain", (c) => ask(c, "deleteDomain", { id: idOf(c) }));
};

const verify = async (c: GatewayContext): Promise<Response> => {
  const visitor = c.get("visitor");
  const asked = await askAs(c.env, visitor.account, visitor, "recordsToVerify", { id: idOf(c) });
  if (isProblem(asked.answer)) return answerTold(c, asked);
  const { name, records } = asked.answer;
  const resolve = dohResolver({
    urls: c.env.HIKYAKU_DOH_URL.split(",").map((url) => url.trim()),
    timeoutMs: LOOK_UP_MS / 2,
  });
  const found = await verifyRecords(name, records, resolve, AbortSignal.timeout(LOOK_UP_MS));
  return ask(c, "setRecordStatuses", { id: idOf(c), statuses: found.map(({ status }) => status) });
};

const checkDomain = ({ name, region }: CreateDomain): string | Problem => {
  const domain = parseDomain(name);
  if (domain.kind === "invalid") return problem("validation_error", "Invalid `name` field: it is not a domain name.");
  if (!domain.domain.includes("."))
    return problem("validation_error", "Invalid `name` field: a domain has at least one dot.");
  if (region !== undefined && !REGIONS.some((known) => known === region))
    return problem("invalid_region", `Invalid \`region\` field: it is one of ${REGIONS.join(", ")}.`);
  return domain.domain;
};

const makeKeys = async (
  env: Env,
  { custom_return_path }: CreateDomain,
): Promise<{ signers: SealedSigner[]; records: StoredRecord[] }> => {
  const sealing = await sealingKey(env.HIKYAKU_MASTER_KEY, "dkim-at-rest");
  const made = await Promise.all(
    SELECTORS.map(async ({ selector, algorithm, standby }) => {
      const { privateKeyPem, publicKeyBase64 } = await generateDkimKey(algorithm);
      const sealed = await seal(sealing, privateKeyPem, crypto.getRandomValues(new Uint8Array(12)));
      const signer: SealedSigner = { selector, algorithm, sealed, ...(standby && { standby }) };
      return { signer, published: { selector, algorithm, publicKeyBase64 } };
    }),
  );
  const required = sendingRecords({
    returnPath: custom_return_path ?? "send",
    selectors: made.map(({ published }) => published),
    spf: wantedSpf({ includes: [env.HIKYAKU_BOUNCE_DOMAIN], addresses: [] }),
    bounceHost: env.HIKYAKU_BOUNCE_DOMAIN,
  });
  const first = `${SELECTORS[0].selector}._domainkey`;
  const records = required.map(({ purpose, name, type, value, priority }): StoredRecord => {
    const selector = SELECTORS.find((known) => name === `${known.selector}._domainkey`)?.selector;
    return {
      record: purpose,
      name,
      type,
      value,
      ttl: "Auto",
      status: "not_started",
      ...(priority !== undefined && { priority }),
      needed: purpose === "SPF" || name === first,
      proved: false,
      ...(selector !== undefined && { selector }),
    };
  });
  return { signers: made.map(({ signer }) => signer), records };
};
