/**
 * `/v1/suppressions`: who gets no mail of the account any more.
 *
 * Import and export are streams of CSV: of a file no more is in memory than a piece, in either direction. A file that is
 * refused in the middle has added what came before; the refusal says up to which line.
 */
import type { Hono } from "hono";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import {
  IMPORT_ERRORS,
  SUPPRESSION_IMPORT,
  type ImportedSuppression,
  type ImportReply,
} from "#contract/suppression.ts";
import { CSV_HEADER, parseCsvHeader, parseCsvRow, type CsvLayout } from "../../core/suppression-csv.ts";
import { accountOf, ask, askAs } from "../ask.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { answer, respond, sendProblem } from "../problem-response.ts";
import { readLines, type Line } from "../read-lines.ts";
import { serve, serveRaw } from "../serve.ts";
import { idOf } from "./emails.ts";

const LONGEST_LINE = 10_000;
/** Lines that are added in one transaction of the account: some tens of milliseconds of it. */
const PIECE_LINES = 1000;

export const suppressionRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "addSuppression", (c, { body }) => ask(c, "addSuppression", body));
  serve(app, "listSuppressions", (c, { query }) => ask(c, "listSuppressions", query));
  serve(app, "addSuppressions", (c, { body }) => ask(c, "addSuppressions", body));
  serve(app, "removeSuppressions", (c, { body }) => ask(c, "removeSuppressions", body));
  serveRaw(app, "importSuppressions", importCsv);
  // Before `/v1/suppressions/:id`, which would take it for an id.
  serveRaw(app, "exportSuppressions", exportCsv);
  serve(app, "getSuppression", (c) => ask(c, "getSuppression", { id: idOf(c) }));
  serve(app, "deleteSuppression", (c) => ask(c, "deleteSuppression", { id: idOf(c) }));
};

/** Counts the request once; its pieces are free. */
const enter = async (c: GatewayContext): Promise<Problem | undefined> => {
  const may = await accountOf(c).mayProceed(c.get("visitor"), undefined);
  c.set("rate", may.rate);
  return isProblem(may.answer) ? may.answer : undefined;
};

const importCsv = async (c: GatewayContext): Promise<Response> => {
  const refused = await enter(c);
  if (refused) return sendProblem(c, refused);
  const { body } = c.req.raw;
  if (body === null) return sendProblem(c, problem("validation_error", "The body is empty; it must be CSV."));
  const lines = readLines(body, () => LONGEST_LINE);
  const first = (await lines.next()).value;
  const layout = parseCsvHeader(first?.kind === "line" ? first.text : "");
  if (layout.kind === "refused") return sendProblem(c, problem("validation_error", layout.message));
  return answer(c, await feed(c, lines, layout));
};

const feed = async (
  c: GatewayContext,
  lines: AsyncGenerator<Line>,
  layout: CsvLayout,
): Promise<ImportReply | Problem> => {
  const reply: ImportReply = { object: "suppression_import", added: 0, known: 0, refused: 0, errors: [] };
  let rows: ImportedSuppression[] = [];
  let [line, taken] = [1, 1];
  const stopped = (code: Problem): Problem => ({ ...code, message: `${code.message} Taken up to line ${taken}.` });
  const flush = async (): Promise<Problem | undefined> => {
    const visitor = c.get("visitor");
    const told = await askAs(c.env, visitor.account, visitor, "importSuppressions", { rows });
    if (isProblem(told.answer)) return stopped(told.answer);
    reply.added += told.answer.added;
    reply.known += told.answer.known;
    [rows, taken] = [[], line];
    return undefined;
  };
  for await (const read of lines) {
    line += 1;
    if (line > SUPPRESSION_IMPORT + 1)
      return stopped(problem("payload_too_large", `The file has more than ${SUPPRESSION_IMPORT} lines.`));
    if (read.kind === "too-long")
      return stopped(problem("validation_error", `Line ${line} is longer than ${LONGEST_LINE} characters.`));
    if (read.text.trim() === "") continue;
    const row = parseCsvRow(read.text, layout, Date.now());
    if (row.kind === "row")
      rows.push({ email: row.email, stream: row.stream, origin: row.origin, expiresMs: row.expiresMs });
    else {
      reply.refused += 1;
      if (reply.errors.length < IMPORT_ERRORS) reply.errors.push({ line, message: row.message });
    }
    const failed = rows.length >= PIECE_LINES ? await flush() : undefined;
    if (failed) return failed;
  }
  return (await flush()) ?? reply;
};

const exportCsv = async (c: GatewayContext): Promise<Response> => {
  const refused = await enter(c);
  if (refused) return sendProblem(c, refused);
  const visitor = c.get("visitor");
  const pieceAfter = (after: number) => askAs(c.env, visitor.account, visitor, "exportSuppressions", { after });
  // What refuses the whole is known before the first byte.
  const first = (await pieceAfter(0)).answer;
  if (isProblem(first)) return sendProblem(c, first);
  let more = first.more;
  const encoder = new TextEncoder();
  const csv = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(encoder.encode(CSV_HEADER + first.csv));
      if (more === undefined) controller.close();
    },
    pull: async (controller) => {
      if (more === undefined) return;
      const piece = (await pieceAfter(more)).answer;
      // The connection is cut: an export that ended early must not look whole.
      if (isProblem(piece)) return controller.error(new Error(`the export ended early: ${piece.message}`));
      controller.enqueue(encoder.encode(piece.csv));
      ({ more } = piece);
      if (more === undefined) controller.close();
    },
  });
  return respond(c, csv, 200, {
    "content-type": "text/csv; charset=utf-8",
    "content-disposition": 'attachment; filename="suppressions.csv"',
  });
};
