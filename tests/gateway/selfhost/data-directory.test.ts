import { execFile } from "node:child_process";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import {
  dataPaths,
  lockDataDirectory,
  readPid,
  secretFile,
  whoHolds,
} from "../../../gateway/selfhost/data-directory.ts";

const newDirectory = (): string => join(mkdtempSync(join(tmpdir(), "hikyaku-")), "data");
const modeOf = (path: string): number => statSync(path).mode & 0o777;

test("the directory is its owner's alone", () => {
  const directory = newDirectory();
  lockDataDirectory(directory);
  expect(modeOf(directory)).toBe(0o700);
});

test("the lock has one holder, who is named, and is free after release", () => {
  const directory = newDirectory();
  const first = lockDataDirectory(directory);
  expect(first.kind).toBe("held");
  expect(lockDataDirectory(directory)).toEqual({ kind: "taken", pid: process.pid });
  expect(whoHolds(directory)).toEqual({ kind: "taken", pid: process.pid });
  if (first.kind === "held") first.release();
  expect(whoHolds(directory)).toEqual({ kind: "free" });
  expect(lockDataDirectory(directory).kind).toBe("held");
});

test("the lock of a process that was killed is free", async () => {
  const directory = newDirectory();
  const module = new URL("../../../gateway/selfhost/data-directory.ts", import.meta.url).href;
  const script = `import { lockDataDirectory } from ${JSON.stringify(module)};
    console.log(lockDataDirectory(${JSON.stringify(directory)}).kind); process.kill(process.pid, "SIGKILL");`;
  const child = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  await expect(child).rejects.toMatchObject({ signal: "SIGKILL", stdout: "held\n" });
  expect(lockDataDirectory(directory).kind).toBe("held");
});

test("a secret is made once, long, and readable by its owner only", () => {
  const directory = newDirectory();
  lockDataDirectory(directory);
  const path = dataPaths(directory).masterKey;
  const secret = secretFile(path);
  expect(secret).toMatch(/^[\w-]{43}$/);
  expect(secretFile(path)).toBe(secret);
  expect(modeOf(path)).toBe(0o600);
});

test("a pid file that is not one is none", () => {
  const path = join(mkdtempSync(join(tmpdir(), "hikyaku-")), "pid");
  expect(readPid(path)).toBeUndefined();
  for (const text of ["", "x", "-4", "0"]) {
    writeFileSync(path, text);
    expect(readPid(path), text).toBeUndefined();
  }
});
