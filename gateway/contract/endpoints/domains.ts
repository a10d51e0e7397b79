/**
 * `/v1/domains`: sending domains.
 */
import { DmarcQuery, DmarcSummary } from "../dmarc-summary.ts";
import { CreateDomain, DomainDetail, DomainSummary, UpdateDomain } from "../domain.ts";
import { deletedOf, PageQuery, pageOf, referenceTo } from "../pagination.ts";
import type { Endpoint } from "./endpoint.ts";

const domains = { tag: "Domains", needs: "full" } as const;

export const DOMAIN_ENDPOINTS = {
  createDomain: {
    ...domains,
    method: "POST",
    path: "/v1/domains",
    summary: "Add a sending domain",
    body: CreateDomain,
    reply: DomainDetail,
    problems: ["invalid_region", "conflict"],
  },
  listDomains: {
    ...domains,
    method: "GET",
    path: "/v1/domains",
    summary: "List domains",
    query: PageQuery,
    reply: pageOf(DomainSummary),
  },
  getDomain: {
    ...domains,
    method: "GET",
    path: "/v1/domains/:id",
    summary: "Read a domain and the records it needs",
    reply: DomainDetail,
  },
  updateDomain: {
    ...domains,
    method: "PATCH",
    path: "/v1/domains/:id",
    summary: "Change a domain's settings",
    body: UpdateDomain,
    reply: referenceTo("domain"),
  },
  verifyDomain: {
    ...domains,
    method: "POST",
    path: "/v1/domains/:id/verify",
    summary: "Look the domain's records up now",
    reply: referenceTo("domain"),
  },
  domainDmarc: {
    ...domains,
    method: "GET",
    path: "/v1/domains/:id/dmarc",
    summary: "What DMARC reports say of a domain: who sends in its name, and what to mend",
    query: DmarcQuery,
    reply: DmarcSummary,
  },
  deleteDomain: {
    ...domains,
    method: "DELETE",
    path: "/v1/domains/:id",
    summary: "Remove a domain",
    reply: deletedOf("domain"),
  },
} as const satisfies Record<string, Endpoint>;
