/**
 * `hikyaku suppressions`: who gets no mail of an account any more. Files of any length go and come as streams.
 */
import { createReadStream, existsSync } from "node:fs";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { z } from "zod";
import { ProblemBody } from "#contract/problem.ts";
import { AddedSuppressions, ImportReply, RemovedSuppressions, SuppressionSummary } from "#contract/suppression.ts";
import { type Answer, callApi } from "./api-client.ts";
import { accountApi, type ApiOptions } from "./credentials.ts";
import { show, showFailure, table } from "./show.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

type Options = ApiOptions & { json?: boolean };

const Listed = z.object({ has_more: z.boolean(), data: z.array(SuppressionSummary) });

/** The newest hundred. */
export const listSuppressions = async (
  options: Options & { origin?: string; stream?: string },
  around: Surroundings,
): Promise<Exit> => {
  const query = new URLSearchParams({
    limit: "100",
    ...(options.origin !== undefined && { origin: options.origin }),
    ...(options.stream !== undefined && { stream: options.stream }),
  });
  const answer = await callApi(accountApi(options, around), "GET", `/v1/suppressions?${query.toString()}`);
  return show(answer, Listed, options.json === true, around, ({ data, has_more }) =>
    [
      table(
        ["ADDRESS", "ORIGIN", "STREAM", "SINCE", "EXPIRES"],
        data.map((row) => [row.email, row.origin, row.stream ?? "all", row.created_at, row.expires_at ?? "never"]),
      ),
      ...(has_more ? ["… and more: hikyaku suppressions export"] : []),
    ].join("\n"),
  );
};

export const addSuppressions = async (
  emails: string[],
  options: Options & { stream?: string; expires?: string },
  around: Surroundings,
): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "POST", "/v1/suppressions/batch/add", {
    emails,
    ...(options.stream !== undefined && { stream: options.stream }),
    ...(options.expires !== undefined && { expires_at: options.expires }),
  });
  return show(answer, AddedSuppressions, options.json === true, around, () => `${emails.length} suppressed`);
};

/** The answer is no when one of them was not on the list. */
export const removeSuppressions = async (emails: string[], options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "POST", "/v1/suppressions/batch/remove", { emails });
  const exit = show(answer, RemovedSuppressions, options.json === true, around, ({ data }) =>
    data.map(({ id, deleted }) => `${id} ${deleted ? "removed" : "is not on the list"}`).join("\n"),
  );
  const removed = answer.kind === "ok" ? RemovedSuppressions.safeParse(answer.body).data : undefined;
  return exit === EXIT.done && removed?.data.some(({ deleted }) => !deleted) === true ? EXIT.no : exit;
};

/** The answer is no when a line was refused. */
export const importSuppressions = async (file: string, options: Options, around: Surroundings): Promise<Exit> => {
  const path = resolve(around.cwd, file);
  if (!existsSync(path)) throw new WrongUse(`there is no file ${path}`);
  const read = Readable.toWeb(createReadStream(path)) as ReadableStream; // Node's own type of the same thing.
  const answer = await exchange(options, around, "/v1/suppressions/import", {
    ...{ method: "POST", body: read, duplex: "half", headers: { "content-type": "text/csv" } },
  });
  const told = answer.kind === "ok" ? await answerOf(answer.response) : answer;
  const exit = show(told, ImportReply, options.json === true, around, describe);
  const taken = told.kind === "ok" ? ImportReply.safeParse(told.body).data : undefined;
  return exit === EXIT.done && taken && taken.refused > 0 ? EXIT.no : exit;
};

/** CSV on stdout. */
export const exportSuppressions = async (options: ApiOptions, around: Surroundings): Promise<Exit> => {
  const answer = await exchange(options, around, "/v1/suppressions/export", { method: "GET" });
  if (answer.kind !== "ok") return showFailure(answer, around);
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const piece of answer.response.body ?? []) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\r\n");
      rest = lines.pop() ?? "";
      if (lines.length > 0) around.out(lines.join("\n"));
    }
  } catch (error) {
    around.err(`hikyaku: the export ended early: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.unknown;
  }
  return EXIT.done;
};

const describe = ({ added, known, refused, errors }: ImportReply): string =>
  [
    `${added} suppressed, ${known} were before, ${refused} refused`,
    ...errors.map(({ line, message }) => `  line ${line}: ${message}`),
    ...(refused > errors.length ? [`  … and ${refused - errors.length} more`] : []),
  ].join("\n");

type Exchanged = { kind: "ok"; response: Response } | Exclude<Answer, { kind: "ok" }>;

const exchange = async (
  options: ApiOptions,
  around: Surroundings,
  path: string,
  init: { method: string; body?: ReadableStream; duplex?: "half"; headers?: Record<string, string> },
): Promise<Exchanged> => {
  const { url, token = "" } = accountApi(options, around);
  try {
    const asked = { ...init.headers, authorization: `Bearer ${token}` };
    const response = await fetch(`${url}${path}`, { ...init, headers: asked });
    if (response.ok) return { kind: "ok", response };
    const { status, headers, body } = await answerOf(response);
    const { name, message } = ProblemBody.safeParse(body).data ?? {
      ...{ name: "unreadable", message: `HTTP status ${status} without a reason` },
    };
    return { kind: "refused", status, name, message, body, headers };
  } catch (error) {
    return { kind: "unreachable", reason: error instanceof Error ? error.message : String(error) };
  }
};

const answerOf = async (response: Response): Promise<Extract<Answer, { kind: "ok" }>> => {
  const body: unknown = await response.json().catch(() => undefined);
  return { kind: "ok", status: response.status, body, headers: response.headers };
};
