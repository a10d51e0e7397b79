/**
 * The data directory: where its files are, who holds it, and the secrets in it.
 *
 * Invariant: one process at a time. Two workerd on one directory would split-brain, and workerd itself does not
 * refuse. The lock is SQLite's exclusive lock on `lock.db`: the kernel frees it when its holder dies, however it
 * dies, so no lock is ever stale. The pid file beside it only tells people who the holder is.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Names of the files; each is beside its owner's words. */
export const dataPaths = (dataDir: string) => ({
  lock: join(dataDir, "lock.db"),
  adminToken: join(dataDir, "admin-token"),
  masterKey: join(dataDir, "master-key"),
  /** The id of the account made on first start; its presence says that the first start is over. */
  defaultAccount: join(dataDir, "state", "default-account"),
  /** What the Durable Objects store. */
  objects: join(dataDir, "objects"),
  /** Made anew on each start: bundle, workerd configuration, pid files. */
  run: join(dataDir, "run"),
  launcherPid: join(dataDir, "run", "launcher.pid"),
  relay: (index: number) => join(dataDir, `relay-${index}`),
  relayToken: (index: number) => join(dataDir, `relay-${index}`, "token"),
});

export type Lock = { kind: "held"; release: () => void } | { kind: "taken"; pid: number | undefined };

/** Makes the directory (mode 0700) and takes its lock, or says which process has it. Throws when it cannot be written. */
export const lockDataDirectory = (dataDir: string): Lock => {
  const paths = dataPaths(dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const database = tryLock(paths.lock);
  if (database === undefined) return { kind: "taken", pid: readPid(paths.launcherPid) };
  for (const directory of [paths.run, paths.objects, join(dataDir, "state")])
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(paths.launcherPid, `${process.pid}\n`);
  return {
    kind: "held",
    release: () => {
      rmSync(paths.launcherPid, { force: true });
      database.close();
    },
  };
};

/** Who has the lock now: looks, holds nothing afterwards, and writes nothing where no lock ever was. */
export const whoHolds = (dataDir: string): { kind: "free" } | { kind: "taken"; pid: number | undefined } => {
  const paths = dataPaths(dataDir);
  if (!existsSync(paths.lock)) return { kind: "free" };
  const database = tryLock(paths.lock);
  if (database === undefined) return { kind: "taken", pid: readPid(paths.launcherPid) };
  database.close();
  return { kind: "free" };
};

/** The secret in a file, made on first use: 32 random bytes, base64url, readable by the owner only. */
export const secretFile = (path: string): string => {
  const kept = readText(path);
  if (kept !== undefined) return kept;
  const secret = randomBytes(32).toString("base64url");
  writePrivate(path, secret);
  return secret;
};

/** Writes a file that only its owner may read, also when it was there with another mode. */
export const writePrivate = (path: string, text: string): void => {
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
};

/** The text of a small file without its line end; undefined when there is no such file, or nothing in it. */
export const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
};

/** A process id from a pid file; undefined when there is none. */
export const readPid = (path: string): number | undefined => {
  const pid = Number(readText(path));
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
};

const SQLITE_BUSY = 5;

const tryLock = (path: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
};
