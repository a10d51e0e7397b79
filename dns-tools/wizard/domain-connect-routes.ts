/**
 * `/domain-connect`, with its twin, and our template as a file: for domains whose sender is known by a name.
 */
import type { Context, Hono } from "hono";
import {
  applicableTo,
  applyUrl,
  buildTemplate,
  type LinkSigner,
  providerIdOf,
  SERVICE_ID,
} from "#dns/domain-connect.ts";
import type { Requirement } from "#dns/need.ts";
import type { Resolve } from "#dns/resolver.ts";
import { type FieldError, readAnswers, readRequirement } from "./answers.ts";
import { discover } from "./domain-connect-discovery.ts";
import { domainConnectPage } from "./domain-connect-page.ts";
import { type Fetching, lookUpPlan } from "./look-up.ts";
import { answer, type PageContext } from "./page-context.ts";
import type { Typed } from "./typed.ts";

export type DomainConnectOptions = { resolve: Resolve; fetching: Fetching; signer?: LinkSigner };

export const domainConnectRoutes = (app: Hono, page: PageContext, options: DomainConnectOptions): void => {
  const { resolve, signer } = options;
  const show = async (c: Context): Promise<Response> => {
    const { typed, links } = page.asked(c);
    const read = readSender(typed);
    if (read.kind === "refused") return page.refuse(c, read.errors);
    const { requirement, providerId } = read;
    const { domain } = requirement;
    const { changes, zone } = await lookUpPlan(requirement, resolve);
    const applicable = applicableTo(changes);
    const apex = zone.kind === "zone" ? zone.apex : domain;
    const discovery = await discover(apex, providerId, resolve, options.fetching);
    const { groups } = applicable;
    const isLinked = discovery.kind === "offered" && groups.length > 0;
    const view = {
      ...{ domain, discovery, applicable },
      ...(isLinked && {
        link: await applyUrl({ urlSyncUX: discovery.urlSyncUX, providerId, requirement, groups, apex }, signer),
      }),
    };
    return answer(c, { domain, discovery, groups, link: view.link }, () => domainConnectPage(view, links));
  };
  app.get("/domain-connect", show);
  app.get("/domain-connect.json", show);
  app.get("/export/domain-connect", async (c): Promise<Response> => {
    const read = readSender(page.asked(c).typed);
    if (read.kind === "refused") return page.refuse(c, read.errors);
    const { requirement, providerId } = read;
    // The name that the public collection of templates wants.
    c.header("content-disposition", `attachment; filename="${providerId}.${SERVICE_ID}.json"`);
    return c.body(`${JSON.stringify(buildTemplate(requirement, providerId, signer), undefined, 2)}\n`, 200, {
      "content-type": "application/json",
    });
  });
};

type Sender =
  | { kind: "sender"; requirement: Requirement; providerId: string }
  | { kind: "refused"; errors: FieldError[] };

const readSender = (typed: Typed): Sender => {
  const read = readAnswers(typed);
  if (read.kind === "refused") return read;
  const requirement = readRequirement(read.value);
  if (requirement.kind === "refused") return requirement;
  const providerId = providerIdOf(read.value.sending.includes);
  if (providerId !== undefined) return { kind: "sender", requirement: requirement.value, providerId };
  const text = "For Domain Connect the sender must be known by an SPF name of at most 63 characters.";
  return { kind: "refused", errors: [{ field: "include", text }] };
};
