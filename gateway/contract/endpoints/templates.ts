/**
 * `/v1/templates`: content that sends name.
 */
import { deletedOf, PageQuery, pageOf, referenceTo } from "../pagination.ts";
import { CreateTemplate, TemplateDetail, TemplateSummary, UpdateTemplate } from "../template.ts";
import type { Endpoint } from "./endpoint.ts";

const templates = { tag: "Templates", needs: "full" } as const;

export const TEMPLATE_ENDPOINTS = {
  createTemplate: {
    ...templates,
    method: "POST",
    path: "/v1/templates",
    summary: "Make a template, as a draft",
    body: CreateTemplate,
    reply: referenceTo("template"),
    problems: ["conflict"],
  },
  listTemplates: {
    ...templates,
    method: "GET",
    path: "/v1/templates",
    summary: "List templates",
    query: PageQuery,
    reply: pageOf(TemplateSummary),
  },
  getTemplate: {
    ...templates,
    method: "GET",
    path: "/v1/templates/:id",
    summary: "Read a template, by id or alias",
    reply: TemplateDetail,
  },
  updateTemplate: {
    ...templates,
    method: "PATCH",
    path: "/v1/templates/:id",
    summary: "Change a template's draft",
    body: UpdateTemplate,
    reply: referenceTo("template"),
    problems: ["conflict"],
  },
  publishTemplate: {
    ...templates,
    method: "POST",
    path: "/v1/templates/:id/publish",
    summary: "Let sends use the draft",
    reply: referenceTo("template"),
  },
  duplicateTemplate: {
    ...templates,
    method: "POST",
    path: "/v1/templates/:id/duplicate",
    summary: "Copy a template",
    reply: referenceTo("template"),
  },
  deleteTemplate: {
    ...templates,
    method: "DELETE",
    path: "/v1/templates/:id",
    summary: "Remove a template",
    reply: deletedOf("template"),
  },
} as const satisfies Record<string, Endpoint>;
