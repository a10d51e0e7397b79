/**
 * `hikyaku domains dmarc`: what the DMARC reports that came by mail for a domain say of each source, the worst first.
 *
 * Exit status as that of `hikyaku dns reports`: mail that fails DMARC is a no; no mail at all is unknown.
 */
import { type DmarcDomain, DmarcSummary } from "#contract/dmarc-summary.ts";
import { callApi, readBody } from "./api-client.ts";
import { accountApi, type ApiOptions } from "./credentials.ts";
import { sign } from "./dns-report.ts";
import { pathOf } from "./domains.ts";
import { show, table } from "./show.ts";
import { EXIT, type Exit, type Surroundings } from "./surroundings.ts";

export const domainDmarc = async (
  name: string,
  options: ApiOptions & { json?: boolean; since?: string },
  around: Surroundings,
): Promise<Exit> => {
  const api = accountApi(options, around);
  const query = options.since === undefined ? "" : `?since=${encodeURIComponent(options.since)}`;
  const answer = await callApi(api, "GET", `${await pathOf(api, name)}/dmarc${query}`);
  const exit = show(answer, DmarcSummary, options.json === true, around, ({ data, reports_left_out }) =>
    data.length === 0
      ? "no reports have come"
      : [
          ...data.map((domain) => describe(domain, around.colours === true)),
          ...(reports_left_out > 0 ? [`${reports_left_out} older reports are not in this`] : []),
        ].join("\n\n\n"),
  );
  const read = readBody(answer, DmarcSummary);
  if (exit !== EXIT.done || read.kind !== "read") return exit;
  const { data } = read.value;
  if (data.some(({ messages, passed }) => passed < messages)) return EXIT.no;
  return data.some(({ messages }) => messages > 0) ? EXIT.done : EXIT.unknown;
};

const describe = (domain: DmarcDomain, colours: boolean): string =>
  [
    `${domain.domain}: p=${domain.policy}, ${domain.reports} report${domain.reports === 1 ? "" : "s"}, ${domain.begin_at.slice(0, 10)} to ${domain.end_at.slice(0, 10)}`,
    `next stage: ${domain.readiness.word}. ${domain.readiness.text}`,
    table(
      ["SOURCE", "MESSAGES", "PASS", "DKIM", "SPF", "SPAM", "REFUSED", "VERDICT"],
      domain.sources.map((source) => [
        source.name,
        ...[source.messages, source.passed, source.passed_by_dkim, source.passed_by_spf].map(String),
        ...[source.quarantined, source.rejected].map(String),
        source.verdict.code,
      ]),
    ),
    ...domain.sources
      .filter(({ verdict }) => verdict.status !== "pass")
      .map(
        ({ name, verdict, addresses }) =>
          `${sign(verdict.status, colours)}  ${verdict.code}  ${name}\n  ${verdict.text}\n  addresses: ${addresses.first.join(", ")}`,
      ),
  ].join("\n\n");
