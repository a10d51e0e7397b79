/**
 * `/reports`: DMARC reports are uploaded, read and forgotten.
 *
 * Anybody may send the form, from any site: it changes nothing, holds no secret and costs a bounded time. An isolate at
 * the edge has 128 MB for all it does, so the XML of all files is bounded further than on the command line.
 */
import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { summarizeReports } from "#dns/dmarc-report-summary.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import { MOST_FILE_BYTES, readReports } from "#reports/read-report.ts";
import { answer, type PageContext } from "./page-context.ts";
import { MOST_FILES, reportsForm, reportsPage, type ReportsView } from "./reports-page.ts";

/** The files, and what multipart puts around them. */
export const MOST_UPLOAD_BYTES = MOST_FILE_BYTES + 100_000;
const MOST_XML_BYTES_IN_ALL = 16_000_000;

export const reportsRoutes = (app: Hono, page: PageContext): void => {
  const refuse = (c: Context, error: string, status: 400 | 413): Promise<Response> =>
    answer(c, { error }, () => reportsForm(page.asked(c).links, error), status);
  const limit = bodyLimit({
    maxSize: MOST_UPLOAD_BYTES,
    onError: (c) => refuse(c, "These files are more than 10 MB together: send fewer at a time.", 413),
  });
  for (const path of ["/reports", "/reports.json"]) {
    app.get(path, (c) =>
      answer(c, { files: MOST_FILES, bytes: MOST_FILE_BYTES }, () => reportsForm(page.asked(c).links)),
    );
    app.post(path, limit, async (c) => {
      const files = await uploadedFiles(c.req.raw);
      if (files === undefined) return refuse(c, "This is not a form with files: send it as multipart/form-data.", 400);
      if (files.length === 0) return refuse(c, "There is no file in it: choose the reports first.", 400);
      if (files.length > MOST_FILES)
        return refuse(c, `These are ${files.length} files: send ${MOST_FILES} at most.`, 400);
      const view = await read(files);
      return answer(c, view, () => reportsPage(view, page.asked(c).links), view.domains.length === 0 ? 422 : 200);
    });
  }
};

/** `undefined`: it is no such form. A field that was left empty comes as a file without a name. */
const uploadedFiles = async (request: Request): Promise<File[] | undefined> => {
  try {
    const form = await request.formData();
    return form
      .getAll("file")
      .flatMap((entry) => (entry instanceof File && (entry.name !== "" || entry.size > 0) ? [entry] : []));
  } catch {
    return undefined;
  }
};

const read = async (files: readonly File[]): Promise<ReportsView> => {
  const results = await readReports(
    files.map((file) => ({ name: file.name, bytes: async () => new Uint8Array(await file.arrayBuffer()) })),
    MOST_XML_BYTES_IN_ALL,
  );
  const reports = results.flatMap(({ result }) => (result.kind === "report" ? [result.report] : []));
  const unreadable = results.flatMap(({ name, result }) =>
    result.kind === "refused" ? [{ name, problem: result.problem, text: result.text }] : [],
  );
  return { domains: summarizeReports(reports, PUBLIC_SUFFIXES), unreadable };
};
