/**
 * `/v1/domains`: sending domains. Keys are made here and sealed before they go to the account, and the DNS is asked here
 * when somebody waits for it; what its answers mean for a domain is the account's to say.
 */
import type { Hono } from "hono";
import { REGIONS, type CreateDomain, type MtaStsSetting } from "#contract/domain.ts";
import { parseId } from "#contract/ids.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { seal, sealingKey } from "#contract/sealed.ts";
import { parseDomain } from "#dns/domain.ts";
import { formatMtaStsPolicy, parseMtaStsPolicy, policyId } from "#dns/mta-sts.ts";
import { sendingRecords } from "#dns/requirement.ts";
import { wantedSpf } from "#dns/spf-wanted.ts";
import { generateDkimKey } from "../../core/dkim-key.ts";
import { reportAddressOf } from "../../core/dmarc-report-proof.ts";
import type { NewPolicy } from "../../objects/account-domains.ts";
import { lookUpDomain } from "../../objects/domain-look-up.ts";
import type { SealedSigner, StoredRecord } from "../../objects/domain-row.ts";
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
const WEEK_SECONDS = 604_800;

export const domainRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "createDomain", async (c, { body }) => {
    const name = nameOf(body);
    if (typeof name === "object") return sendProblem(c, name);
    const visitor = c.get("visitor");
    // Two RSA keys are a quarter of a second of work: nobody gets them for asking.
    const may = await askAs(c.env, visitor.account, visitor, "mayCreateDomain", { name });
    if (isProblem(may.answer)) return answerTold(c, may);
    const { signers, records } = await makeKeys(c.env, body);
    return ask(c, "createDomain", { name, request: body, signers, records });
  });
  serve(app, "listDomains", (c, { query }) => ask(c, "listDomains", query));
  serve(app, "getDomain", async (c) =>
    ask(c, "getDomain", { id: idOf(c), host: hostOf(c), reportAddress: await reportAddressFor(c) }),
  );
  serve(app, "domainDmarc", (c, { query: { since } }) =>
    ask(c, "domainDmarc", { id: idOf(c), sinceMs: since === undefined ? 0 : Math.max(0, Date.parse(since)) }),
  );
  serve(app, "updateDomain", async (c, { body }) => {
    const policy = body.mta_sts ? await makePolicy(body.mta_sts) : undefined;
    if (policy && isProblem(policy)) return sendProblem(c, policy);
    return ask(c, "updateDomain", { id: idOf(c), request: body, policy });
  });
  serve(app, "verifyDomain", verify);
  serve(app, "deleteDomain", (c) => ask(c, "deleteDomain", { id: idOf(c) }));
};

/** Where this service answers, and so the hosts of policies have to point. */
const hostOf = (c: GatewayContext): string =>
  new URL(c.env.HIKYAKU_PUBLIC_URL || c.req.url).hostname.replaceAll(/^\[|\]$/g, "");

/** Of a domain that is not there nothing is shown. */
const reportAddressFor = (c: GatewayContext): Promise<string> => {
  const { account } = c.get("visitor");
  const token = { account, k: parseId(account, idOf(c)) ?? 0 };
  return reportAddressOf(c.env.HIKYAKU_MASTER_KEY, token, c.env.HIKYAKU_BOUNCE_DOMAIN);
};

const verify = async (c: GatewayContext): Promise<Response> => {
  const visitor = c.get("visitor");
  const asked = await askAs(c.env, visitor.account, visitor, "domainToLookUp", { id: idOf(c) });
  if (isProblem(asked.answer)) return answerTold(c, asked);
  const findings = await lookUpDomain(asked.answer.sending, c.env.HIKYAKU_DOH_URL);
  return ask(c, "domainLookedUp", { id: idOf(c), findings });
};

/** What senders would make of the policy decides whether it is one. */
const makePolicy = async ({ max_age = WEEK_SECONDS, ...asked }: MtaStsSetting): Promise<NewPolicy | Problem> => {
  const setting = { ...asked, mx: asked.mx.map((pattern) => pattern.toLowerCase()), max_age };
  const text = formatMtaStsPolicy({ mode: setting.mode, mx: setting.mx, maxAgeSeconds: max_age });
  const read = parseMtaStsPolicy(text);
  if (read.kind === "invalid")
    return problem("validation_error", `Invalid \`mta_sts\` field: it makes no policy, for ${read.reason}.`);
  return { setting, text, id: await policyId(text) };
};

const nameOf = ({ name, region }: CreateDomain): string | Problem => {
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
