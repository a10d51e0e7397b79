/**
 * Brings an object's tables up to date: numbered steps, each run once, recorded in a table of our own,
 * because Durable Objects refuse `PRAGMA user_version`.
 */
export const runSchemaSteps = (storage: DurableObjectStorage, steps: readonly string[]): void => {
  const { sql } = storage;
  sql.exec("CREATE TABLE IF NOT EXISTS schema_step (n INTEGER PRIMARY KEY) STRICT");
  const done = sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM schema_step").one().n;
  for (const [index, step] of steps.entries()) {
    if (index < done) continue;
    storage.transactionSync(() => {
      sql.exec(step);
      sql.exec("INSERT INTO schema_step (n) VALUES (?)", index);
    });
  }
};
