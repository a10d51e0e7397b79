/** An aggregate report as XML, from what it is to say: RFC 9990 Appendix A in plain, nothing left out. */
import type { AggregateReport, ReportRecord } from "../../../dns-tools/lib/dmarc-report.ts";

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const tag = (name: string, text: string | number | undefined): string =>
  text === undefined ? "" : `<${name}>${escape(String(text))}</${name}>`;

const recordText = (record: ReportRecord): string => `<record><row>
  ${tag("source_ip", record.sourceIp)}${tag("count", record.messages)}
  <policy_evaluated>${tag("disposition", record.disposition)}${tag("dkim", record.dkim)}${tag("spf", record.spf)}
  ${record.reasons.map(({ type, comment }) => `<reason>${tag("type", type)}${tag("comment", comment)}</reason>`).join("")}
  </policy_evaluated></row>
  <identifiers>${tag("header_from", record.headerFrom)}${tag("envelope_from", record.envelopeFrom)}</identifiers>
  <auth_results>
  ${record.dkimResults.map(({ domain, selector, result }) => `<dkim>${tag("domain", domain)}${tag("selector", selector)}${tag("result", result)}</dkim>`).join("")}
  ${record.spfResults.map(({ domain, scope, result }) => `<spf>${tag("domain", domain)}${tag("scope", scope)}${tag("result", result)}</spf>`).join("")}
  </auth_results></record>`;

export const feedbackText = ({ published, records, ...report }: AggregateReport): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version>
<report_metadata>${tag("org_name", report.organization)}${tag("email", "reports@receiver.test")}
${tag("report_id", report.reportId)}
<date_range>${tag("begin", report.beginSeconds)}${tag("end", report.endSeconds)}</date_range></report_metadata>
<policy_published>${tag("domain", published.domain)}${tag("p", published.policy)}
${tag("adkim", published.adkim)}${tag("aspf", published.aspf)}${tag("testing", published.testing ? "y" : "n")}</policy_published>
${records.map(recordText).join("\n")}
</feedback>`;
