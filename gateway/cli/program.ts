/**
 * The commands and options of `hikyaku`, by commander: what each is called, what it takes, which file does it.
 *
 * Exit statuses are those of surroundings.ts; commander's own complaints are wrong use.
 */
import { Command, CommanderError } from "commander";
import {
  auditLog,
  accountLimits,
  createAccount,
  deleteAccount,
  listAccounts,
  setAccountStatus,
  showAccount,
} from "./accounts.ts";
import { createKey, listKeys, revokeKey, rotateKey } from "./api-keys.ts";
import { bulk } from "./bulk.ts";
import type { ApiOptions } from "./credentials.ts";
import { dnsCommands } from "./dns-program.ts";
import { doctor, type DoctorOptions } from "./doctor.ts";
import {
  addDomain,
  type DomainChanges,
  listDomains,
  removeDomain,
  showDomain,
  updateDomain,
  verifyDomain,
} from "./domains.ts";
import { domainDmarc } from "./domain-dmarc.ts";
import { limits } from "./limits.ts";
import { createRelay, listRelays } from "./relays.ts";
import { send, type SendOptions } from "./send.ts";
import { suppressionCommands } from "./suppression-program.ts";
import { EXIT, type Exit, type Run, type Surroundings, WrongUse } from "./surroundings.ts";
import { webhookCommands } from "./webhook-program.ts";

type Json = ApiOptions & { json?: boolean };

export const runCli = async (args: readonly string[], around: Surroundings): Promise<Exit> => {
  let exit: Exit = EXIT.done;
  const run: Run =
    (command) =>
    async (...given) => {
      exit = await command(...given);
    };
  try {
    await program(run, around).parseAsync([...args], { from: "user" });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
    if (!(error instanceof WrongUse)) throw error;
    around.err(`hikyaku: ${error.message}`);
    return EXIT.wrongUse;
  }
};

const program = (run: Run, around: Surroundings): Command => {
  const root = new Command("hikyaku")
    .description("Operate a Hikyaku gateway, send through it, and check the DNS of sending domains.")
    .exitOverride()
    .configureOutput({ writeOut: (text) => around.out(text.trimEnd()), writeErr: (text) => around.err(text.trimEnd()) })
    .addHelpText(
      "after",
      "\nExit status: 0 done, 1 the answer is no, 2 wrong use, 3 could not find out.\nThe gateway is --url, HIKYAKU_GATEWAY_URL, or http://127.0.0.1:8787.",
    );

  const accounts = root.command("accounts").description("the tenants of a gateway");
  asAdmin(accounts.command("create").description("make an account and its first API key"))
    .requiredOption("--name <name>", "what it is called")
    .option("--allowed-senders <who>", "registered, domains (default) or any")
    .action(run((options: Json & { name: string; allowedSenders?: string }) => createAccount(options, around)));
  asAdmin(accounts.command("list").description("all accounts")).action(
    run((options: Json) => listAccounts(options, around)),
  );
  asAdmin(accounts.command("show <id>").description("one account")).action(
    run((id: string, options: Json) => showAccount(id, options, around)),
  );

  asAdmin(accounts.command("suspend <id>").description("take nothing from an account and send nothing of it")).action(
    run((id: string, options: Json) => setAccountStatus(id, "suspended", options, around)),
  );
  asAdmin(accounts.command("resume <id>").description("let a suspended account go on")).action(
    run((id: string, options: Json) => setAccountStatus(id, "active", options, around)),
  );
  asAdmin(accounts.command("limits <id>").description("show an account's limits, or set them at once"))
    .option("--set <name=number...>", "recipients_per_24_hours=1000 and the like")
    .action(run((id: string, options: Json & { set?: string[] }) => accountLimits(id, options, around)));
  asAdmin(
    accounts.command("audit [id]").description("who changed what in an account; without an id: accounts and relays"),
  ).action(run((id: string | undefined, options: Json) => auditLog(id, options, around)));
  asAdmin(accounts.command("delete <id>").description("close an account for good"))
    .option("--yes", "yes, erase it")
    .action(run((id: string, options: Json & { yes?: boolean }) => deleteAccount(id, options, around)));

  const relays = root.command("relays").description("the relay nodes that may join");
  asAdmin(relays.command("create").description("make a token for a relay node"))
    .requiredOption("--name <name>", "what it is called")
    .option("--pool <pool...>", "pools it may serve (default: default)")
    .action(run((options: Json & { name: string; pool?: string[] }) => createRelay(options, around)));
  asAdmin(relays.command("list").description("all relay nodes and whether they are joined")).action(
    run((options: Json) => listRelays(options, around)),
  );

  accountCommands(root, run, around);
  suppressionCommands(root, run, around, asAccount);
  webhookCommands(root, run, around, asAccount);
  dnsCommands(root, run, around);

  root
    .command("send")
    .description("send one email")
    .requiredOption("--from <address>", "Name <address> or address")
    .requiredOption("--to <address...>", "recipients")
    .requiredOption("--subject <text>", "subject")
    .option("--text <text>", "plain text")
    .option("--html <html>", "HTML")
    .option("--attach <file...>", "files to attach")
    .option("--wait [seconds]", "wait until it is delivered or refused (60 s)")
    .option("--key <key>", "API key (HIKYAKU_API_KEY)")
    .option("--url <url>", "the gateway")
    .option("--json", "the API's own JSON on stdout")
    .action(run((options: SendOptions) => send(options, around)));

  root
    .command("doctor")
    .description("check this machine: node, data directory, port, clock, DNS, outbound port 25")
    .option("--data <dir>", "data directory (HIKYAKU_DATA, ./data)")
    .option("--url <url>", "the gateway")
    .option("--smtp-probe <host:port>", "where to try outbound SMTP (default: an MX of gmail.com, port 25)")
    .option("--json", "the findings as JSON on stdout")
    .action(run((options: DoctorOptions) => doctor(options, around)));
  return root;
};

/** What an account does for itself, beside sending one email. */
const accountCommands = (root: Command, run: Run, around: Surroundings): void => {
  const keys = root.command("keys").description("the API keys of an account");
  asAccount(keys.command("create").description("make a key; its token is shown once"))
    .requiredOption("--name <name>", "what it is called")
    .option("--sending-only", "it may send and nothing else")
    .option("--domain <id>", "it may send from this domain only")
    .option("--ip <network...>", "it may be used from these addresses only")
    .option("--expires <time>", "ISO 8601")
    .action(run((options: Parameters<typeof createKey>[0]) => createKey(options, around)));
  asAccount(keys.command("list").description("all keys")).action(run((options: Json) => listKeys(options, around)));
  asAccount(keys.command("rotate <id>").description("give a key a new secret")).action(
    run((id: string, options: Json) => rotateKey(id, options, around)),
  );
  asAccount(keys.command("revoke <id>").description("a key stops at once")).action(
    run((id: string, options: Json) => revokeKey(id, options, around)),
  );

  const domains = root.command("domains").description("the sending domains of an account");
  asAccount(domains.command("add <name>").description("add a domain and show the records it needs")).action(
    run((name: string, options: Json) => addDomain(name, options, around)),
  );
  asAccount(domains.command("list").description("all domains")).action(
    run((options: Json) => listDomains(options, around)),
  );
  asAccount(domains.command("show <name>").description("a domain, its records and what was found of them")).action(
    run((name: string, options: Json) => showDomain(name, options, around)),
  );
  asAccount(domains.command("verify <name>").description("look the records up now")).action(
    run((name: string, options: Json) => verifyDomain(name, options, around)),
  );
  asAccount(domains.command("dmarc <name>").description("what DMARC reports that came say: who sends in its name"))
    .option("--since <time>", "reports that came since, ISO 8601")
    .action(run((name: string, options: Json & { since?: string }) => domainDmarc(name, options, around)));
  asAccount(domains.command("update <name>").description("change a domain's settings"))
    .option("--when-broken <what>", "a record it needs breaks: warn and send on, or stop")
    .option("--mta-sts <mode>", "serve a policy for mail to it: testing, enforce or none; off: serve none")
    .option("--mx <host...>", "the hosts of the policy, *.example.com for all below")
    .option("--max-age <seconds>", "for how long senders keep the policy (a week)")
    .action(run((name: string, options: Json & DomainChanges) => updateDomain(name, options, around)));
  asAccount(domains.command("remove <name>").description("remove a domain")).action(
    run((name: string, options: Json) => removeDomain(name, options, around)),
  );

  asAccount(root.command("limits").description("how much the account may still send")).action(
    run((options: Json) => limits(options, around)),
  );
  asAccount(root.command("bulk <file>").description("send an NDJSON file: the shared email, then a recipient a line"))
    .option("--idempotency-key <key>", "default: made of the file, so the same file is the same bulk")
    .action(run((file: string, options: Json & { idempotencyKey?: string }) => bulk(file, options, around)));
};

/** Options of commands that speak for one account. */
const asAccount = (command: Command): Command =>
  command
    .option("--key <key>", "API key (HIKYAKU_API_KEY)")
    .option("--url <url>", "the gateway")
    .option("--json", "the API's own JSON on stdout");

/** Options of commands that speak to the admin API. */
const asAdmin = (command: Command): Command =>
  command
    .option("--url <url>", "the gateway")
    .option("--data <dir>", "data directory that has the admin token (HIKYAKU_DATA, ./data), else HIKYAKU_ADMIN_TOKEN")
    .option("--json", "the API's own JSON on stdout");
