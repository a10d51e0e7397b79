/**
 * A Postfix of our own on loopback: configuration, queue and log in one folder, its defaults for all that is not
 * said. It needs the Debian package and root; without them `postfixMissing` says what is to be done.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, freePort, waitForPort } from "../bench/processes.ts";

export const postfixMissing = (): string | undefined => {
  if (!findProgram("postfix") || !existsSync("/etc/postfix/master.cf")) return "Debian: apt-get install postfix";
  return process.getuid?.() === 0 ? undefined : "Postfix starts as root only";
};

/** Starts it; `main` are lines of main.cf over ours. The folder must be readable by all. */
export const startPostfixIn = async (
  folder: string,
  main: Record<string, string>,
): Promise<{ port: number; stop: () => void }> => {
  const port = await freePort();
  const config = join(folder, "etc");
  for (const part of ["etc", "spool", "lib"]) mkdirSync(join(folder, part), { mode: 0o755 });
  execFileSync("chmod", ["755", folder]);
  execFileSync("chown", ["postfix", join(folder, "lib")]);
  cpSync("/etc/postfix/master.cf", join(config, "master.cf"));
  const settings = {
    compatibility_level: "3.6",
    queue_directory: join(folder, "spool"),
    data_directory: join(folder, "lib"),
    maillog_file: join(folder, "maillog"),
    maillog_file_prefixes: folder,
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    mynetworks: "127.0.0.0/8",
    myhostname: "postfix.test",
    smtpd_relay_restrictions: "permit_mynetworks, reject",
    alias_maps: "",
    ...main,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`);
  writeFileSync(join(config, "main.cf"), lines.join(""));
  writeFileSync(join(config, "dynamicmaps.cf"), "");
  const postconf = (...args: string[]): Buffer => execFileSync("postconf", ["-c", config, ...args]);
  postconf("-M", "-X", "smtp/inet");
  postconf("-M", `${port}/inet=127.0.0.1:${port} inet n - n - - smtpd`);
  postconf("-F", "*/*/chroot=n");
  execFileSync("postfix", ["-c", config, "start"], { stdio: "ignore" });
  await waitForPort(port);
  return { port, stop: () => void execFileSync("postfix", ["-c", config, "stop"], { stdio: "ignore" }) };
};
