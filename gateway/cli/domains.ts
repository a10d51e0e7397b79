/**
 * `hikyaku domains`: sending domains of an account, the records they need and what was found of them. A domain is named
 * by its name or id.
 */
import { z } from "zod";
import { DomainDetail, DomainSummary } from "#contract/domain.ts";
import { type Api, callApi, readBody } from "./api-client.ts";
import { accountApi, type ApiOptions } from "./credentials.ts";
import { sign } from "./dns-report.ts";
import { show, showFailure, table } from "./show.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

type Options = ApiOptions & { json?: boolean };

const Domains = z.object({ data: z.array(DomainSummary) });
const Deleted = z.object({ deleted: z.literal(true) });

export const addDomain = async (name: string, options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "POST", "/v1/domains", { name });
  return show(answer, DomainDetail, options.json === true, around, describedIn(around));
};

export const listDomains = async (options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "GET", "/v1/domains?limit=100");
  return show(answer, Domains, options.json === true, around, ({ data }) =>
    table(
      ["ID", "STATUS", "NAME"],
      data.map((domain) => [domain.id, domain.status, domain.name]),
    ),
  );
};

export const showDomain = async (name: string, options: Options, around: Surroundings): Promise<Exit> => {
  const api = accountApi(options, around);
  const answer = await callApi(api, "GET", await pathOf(api, name));
  return show(answer, DomainDetail, options.json === true, around, describedIn(around));
};

/** Looks the records up now; the answer is no while one that is needed is not there. */
export const verifyDomain = async (name: string, options: Options, around: Surroundings): Promise<Exit> => {
  const api = accountApi(options, around);
  const path = await pathOf(api, name);
  const asked = await callApi(api, "POST", `${path}/verify`);
  if (asked.kind !== "ok") return showFailure(asked, around);
  const answer = await callApi(api, "GET", path);
  const exit = show(answer, DomainDetail, options.json === true, around, describedIn(around));
  const domain = readBody(answer, DomainDetail);
  if (exit !== EXIT.done || domain.kind !== "read") return exit;
  if (domain.value.records.some(({ status }) => status === "temporary_failure")) return EXIT.unknown;
  return domain.value.status === "verified" ? EXIT.done : EXIT.no;
};

/** As they are typed; what they may be is for the API to say. */
export type DomainChanges = {
  whenBroken?: string;
  /** A mode, or `off`. */
  mtaSts?: string;
  mx?: string[];
  maxAge?: string;
};

export const updateDomain = async (
  name: string,
  options: Options & DomainChanges,
  around: Surroundings,
): Promise<Exit> => {
  const changes = changesOf(options);
  const api = accountApi(options, around);
  const path = await pathOf(api, name);
  const changed = await callApi(api, "PATCH", path, changes);
  if (changed.kind !== "ok") return showFailure(changed, around);
  return show(await callApi(api, "GET", path), DomainDetail, options.json === true, around, describedIn(around));
};

const changesOf = ({ whenBroken, mtaSts, mx, maxAge }: DomainChanges): Record<string, unknown> => {
  if (mtaSts === undefined && (mx !== undefined || maxAge !== undefined))
    throw new WrongUse("--mx and --max-age are of a policy: say --mta-sts testing, enforce or none");
  if (whenBroken === undefined && mtaSts === undefined) throw new WrongUse("nothing to change was named");
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) throw new WrongUse("--max-age is a number of seconds");
  const policy = { mode: mtaSts, mx: mx ?? [], ...(maxAge !== undefined && { max_age: Number(maxAge) }) };
  return {
    ...(whenBroken !== undefined && { when_broken: whenBroken }),
    ...(mtaSts !== undefined && { mta_sts: mtaSts === "off" ? null : policy }),
  };
};

export const removeDomain = async (name: string, options: Options, around: Surroundings): Promise<Exit> => {
  const api = accountApi(options, around);
  const answer = await callApi(api, "DELETE", await pathOf(api, name));
  return show(answer, Deleted, options.json === true, around, () => `domain ${name} is removed`);
};

/** A name is looked up; whatever is not found goes on as an id, and the API says that there is none. */
export const pathOf = async (api: Api, nameOrId: string): Promise<string> => {
  const listed = readBody(await callApi(api, "GET", "/v1/domains?limit=100"), Domains);
  const found =
    listed.kind === "read" ? listed.value.data.find(({ name }) => name === nameOrId.toLowerCase()) : undefined;
  return `/v1/domains/${encodeURIComponent(found?.id ?? nameOrId)}`;
};

/** A domain in words. */
const describedIn =
  ({ colours = false }: Surroundings) =>
  ({ name, status, when_broken, records, mta_sts, dmarc_report_address, findings }: DomainDetail): string =>
    [
      `${name}: ${status}${when_broken === "stop" ? ", sends only while it is whole" : ""}`,
      "",
      table(
        ["STATUS", "TYPE", "NAME", "VALUE"],
        [
          ...records.map((record) => [
            record.status,
            record.type,
            `${record.name}.${name}`,
            record.priority === undefined ? record.value : `${record.priority} ${record.value}`,
          ]),
          ...(mta_sts?.records ?? []).map((record) => ["-", record.type, `${record.name}.${name}`, record.value]),
        ],
      ),
      ...(dmarc_report_address === null
        ? []
        : ["", `DMARC reports are read when they come to rua=mailto:${dmarc_report_address}`]),
      ...findings.flatMap((finding) => [
        "",
        `${sign(finding.status, colours)}  ${finding.code}  ${finding.name}`,
        `  ${finding.text}`,
      ]),
    ].join("\n");
