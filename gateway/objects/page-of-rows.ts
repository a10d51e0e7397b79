/**
 * A page out of a short list that is in memory, newest first: `after` and `before` name rows, exclusive.
 */
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";

export const pageOfRows = <Row, Shown>(
  rows: readonly Row[],
  idOf: (row: Row) => string,
  query: PageQuery,
  show: (row: Row) => Shown,
): Page<Shown> | Problem => {
  const cursor = query.after ?? query.before;
  const at = cursor === undefined ? -1 : rows.findIndex((row) => idOf(row) === cursor);
  if (cursor !== undefined && at < 0)
    return problem(
      "not_found",
      `There is nothing with the id in \`${query.after === undefined ? "before" : "after"}\`.`,
    );
  const backwards = query.before !== undefined;
  const start = backwards ? Math.max(0, at - query.limit) : at + 1;
  const end = backwards ? at : start + query.limit;
  return {
    object: "list",
    has_more: backwards ? start > 0 : rows.length > end,
    data: rows.slice(start, end).map(show),
  };
};
