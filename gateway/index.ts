/**
 * The Worker: the HTTP app with the wizard at `/setup`, and the classes of the objects behind it.
 */
import { dohResolver } from "#resolvers/doh.ts";
import { wizardApp } from "#wizard/app.ts";
import { createApp } from "./http/app.ts";
import { limitVisitors } from "./http/limit-visitors.ts";
import { readAccountDomains } from "./http/setup.ts";

export { Account } from "./objects/account.ts";
export { Directory } from "./objects/directory.ts";
export { Endpoint } from "./objects/endpoint.ts";
export { Pool } from "./objects/pool.ts";

/** Of one look-up at one resolver. */
const LOOK_UP_MS = 4_000;

/** Pages and their two files; a check may cost 200 look-ups, so nobody may ask for them without end. */
const SETUP_REQUESTS_PER_MINUTE = 120;

const app = createApp();
app.use("/setup/*", limitVisitors(SETUP_REQUESTS_PER_MINUTE));
app.on(["GET", "HEAD", "POST"], "/setup/*", ({ env, req }) => {
  const urls = env.HIKYAKU_DOH_URL.split(",").map((url) => url.trim());
  const relays = env.HIKYAKU_BOUNCE_DOMAIN;
  const wizard = wizardApp({
    resolve: dohResolver({ urls, timeoutMs: LOOK_UP_MS }),
    views: urls.map((url) => ({
      name: URL.parse(url)?.host ?? url,
      resolve: dohResolver({ urls: [url], timeoutMs: LOOK_UP_MS }),
    })),
    defaults: { include: relays, bounce: relays },
    basePath: "/setup",
    readAccount: (apiKey) => readAccountDomains(app, env, req.raw, apiKey),
  });
  return wizard.fetch(req.raw);
});

export default app;
