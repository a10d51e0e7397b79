/**
 * What survives a kill: rows written, the process gone without a word, the journal opened again by the next.
 *
 * A kill is a copy of the files as they are on disk at that moment: what was not committed is not in them.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Journal, type JournalRow, openJournal, type Unsettled } from "../../../relay-node/delivery/journal.ts";

const NOW_MS = 1_800_000_000_000;

const folders: string[] = [];
const open: Journal[] = [];
afterEach(() => {
  for (const journal of open.splice(0)) journal.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "hikyaku-journal-"));
  folders.push(folder);
  return folder;
};

const openIn = (folder: string): { journal: Journal; unsettled: Unsettled[] } => {
  const opened = openJournal(folder, NOW_MS);
  if (opened.kind === "locked") throw new Error("it is locked");
  open.push(opened.journal);
  return opened;
};

/** What the next process finds when this one is killed now. */
const afterKill = (folder: string): Unsettled[] => {
  const copy = newFolder();
  cpSync(folder, copy, { recursive: true });
  return openIn(copy).unsettled;
};

const rowOf = (journal: Journal, k: number): JournalRow => ({
  id: journal.newId(),
  pool: "default",
  account: "0123456789ab",
  k,
  lease: 7,
  startedAtMs: NOW_MS - 500,
});

const outcomeOf = (row: JournalRow) => ({
  k: row.k,
  lease: row.lease,
  kind: "delivered" as const,
  phase: "dot" as const,
  reply: { code: 250, enhanced: "2.0.0", text: "taken" },
  started_at_ms: row.startedAtMs,
  ended_at_ms: NOW_MS - 100,
});

test("a new journal has nothing to tell, and lives in a folder made for it", () => {
  expect(openIn(join(newFolder(), "data", "relay")).unsettled).toEqual([]);
});

test("killed with an outcome: it is told again as it was", async () => {
  const folder = newFolder();
  const { journal } = openIn(folder);
  const row = rowOf(journal, 1);
  await journal.begun(row);
  await journal.finished(row, JSON.stringify(outcomeOf(row)));
  expect(afterKill(folder)).toEqual([
    { id: row.id, pool: "default", account: "0123456789ab", outcome: outcomeOf(row) },
  ]);
});

test("killed between the first byte of a message and its outcome: in doubt", async () => {
  const folder = newFolder();
  const { journal } = openIn(folder);
  await journal.begun(rowOf(journal, 2));
  const [inDoubt, ...rest] = afterKill(folder);
  expect(rest).toEqual([]);
  expect(inDoubt?.outcome).toEqual({
    k: 2,
    lease: 7,
    kind: "unknown",
    phase: "dot",
    reason: expect.stringContaining("stopped"),
    started_at_ms: NOW_MS - 500,
    ended_at_ms: NOW_MS,
  });
});

test("an attempt that sent no message needs no begun row", async () => {
  const folder = newFolder();
  const { journal } = openIn(folder);
  const row = rowOf(journal, 3);
  await journal.finished(row, JSON.stringify({ ...outcomeOf(row), kind: "bounced" }));
  expect(afterKill(folder).map(({ outcome }) => outcome.kind)).toEqual(["bounced"]);
});

test("what the gateway has is forgotten, by id", async () => {
  const folder = newFolder();
  const { journal } = openIn(folder);
  const rows = [4, 5, 6].map((k) => rowOf(journal, k));
  await Promise.all(rows.map((row) => journal.finished(row, JSON.stringify(outcomeOf(row)))));
  journal.acknowledged(rows.slice(0, 2).map(({ id }) => id));
  // The rows go with the next commit.
  await journal.begun(rowOf(journal, 7));
  expect(afterKill(folder).map(({ outcome }) => [outcome.k, outcome.kind])).toEqual([
    [6, "delivered"],
    [7, "unknown"],
  ]);
});

test("a promise is kept only when its row is on disk; until then nothing is", async () => {
  const folder = newFolder();
  const { journal } = openIn(folder);
  const row = rowOf(journal, 8);
  const begun = journal.begun(row);
  expect(afterKill(folder)).toEqual([]);
  await begun;
  expect(afterKill(folder)).toHaveLength(1);
  // The order of asking is the order on disk, also inside one commit.
  const next = rowOf(journal, 9);
  await Promise.all([journal.begun(next), journal.finished(next, JSON.stringify(outcomeOf(next)))]);
  expect(afterKill(folder).map(({ outcome }) => outcome.kind)).toEqual(["unknown", "delivered"]);
});

test("all that is asked for in one turn is one commit", async () => {
  const { journal } = openIn(newFolder());
  const rows = Array.from({ length: 200 }, (_, k) => rowOf(journal, k));
  const promises = rows.map((row) => journal.begun(row));
  expect(new Set(promises).size).toBe(1);
  await Promise.all(promises);
  const row = rowOf(journal, 999);
  expect(journal.begun(row)).not.toBe(promises[0]);
});

test("ids never come twice while their rows are there, and a closed journal keeps all", async () => {
  const folder = newFolder();
  const { journal } = openIn(folder);
  const row = rowOf(journal, 10);
  await journal.begun(row);
  const finished = journal.finished(row, JSON.stringify(outcomeOf(row)));
  journal.close();
  open.length = 0;
  // Closing wrote it: whoever waits for that hears so.
  await finished;
  const again = openIn(folder);
  expect(again.unsettled.map(({ id }) => id)).toEqual([row.id]);
  expect(again.journal.newId()).toBeGreaterThan(row.id);
});

test("one process a folder", () => {
  const folder = newFolder();
  const { journal } = openIn(folder);
  expect(openJournal(folder, NOW_MS).kind).toBe("locked");
  journal.close();
  open.length = 0;
  expect(openIn(folder).unsettled).toEqual([]);
});

test("a journal that cannot be written says so to all who wait, and keeps what it had", async () => {
  const folder = newFolder();
  const { journal } = openIn(folder);
  const row = rowOf(journal, 11);
  await journal.begun(row);
  // No whole number: SQLite refuses the whole commit.
  const refused = await Promise.allSettled([journal.begun(rowOf(journal, 12)), journal.begun({ ...row, k: 1.5 })]);
  expect(refused.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(afterKill(folder).map(({ outcome }) => outcome.k)).toEqual([11]);
});

test("a delivery may begin anew at a second host: one row, in doubt once", async () => {
  const folder = newFolder();
  const { journal } = openIn(folder);
  const row = rowOf(journal, 11);
  await journal.begun(row);
  await journal.begun(row);
  expect(afterKill(folder).map(({ outcome }) => outcome.kind)).toEqual(["unknown"]);
});
