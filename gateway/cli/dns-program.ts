/**
 * The commands and options of `hikyaku dns` and `hikyaku dkim`. They need no gateway and no account.
 */
import { type Command, Option } from "commander";
import { type KeyOptions, newKey } from "./dkim.ts";
import { align, type AlignOptions } from "./dns-align.ts";
import { check, type CheckOptions } from "./dns-check.ts";
import { explain, type ExplainOptions } from "./dns-explain.ts";
import { OUTPUTS, plan, type PlanOptions } from "./dns-plan.ts";
import { publish, type PublishOptions } from "./dns-publish.ts";
import { relays, type RelaysOptions } from "./dns-relays.ts";
import { reports } from "./dns-reports.ts";
import { watch, type WatchOptions } from "./dns-watch.ts";
import type { Run, Surroundings } from "./surroundings.ts";

export const dnsCommands = (root: Command, run: Run, around: Surroundings): void => {
  const dns = root.command("dns").description("what a sending domain has to publish, and what stands there");
  asSending(
    dns
      .command("check <domain>")
      .description("what others see of a domain: SPF, DKIM, DMARC, MX, MTA-STS, TLS-RPT, DANE, BIMI"),
  ).action(run((domain: string, options: CheckOptions) => check(domain, options, around)));
  asPlanning(dns.command("plan <domain>").description("the smallest change to the live zone that lets it send"))
    .addOption(new Option("--out <form>", "for a DNS host instead of in words").choices(OUTPUTS))
    .addOption(new Option("--provider <name>", "of --out terraform").choices(["cloudflare", "route53", "google"]))
    .option("--zone-id <id>", "of --out cloudflare")
    .action(run((domain: string, options: PlanOptions) => plan(domain, options, around)));
  asPlanning(dns.command("publish <domain>").description("carry the plan out by DNS UPDATE (RFC 2136)"))
    .requiredOption("--server <ip:port>", "the zone's primary server")
    .requiredOption("--key-file <file>", "TSIG key as tsig-keygen writes it: hmac-sha256, -sha384, -sha512 or -sha1")
    .option("--zone <name>", "default: the domain")
    .option("--yes", "publish it; without, the plan is shown only")
    .action(run((domain: string, options: PublishOptions) => publish(domain, options, around)));
  asLookUp(
    dns.command("explain <domain-or-record>").description("SPF term by term with its cost, DMARC step by step"),
  ).action(run((subject: string, options: ExplainOptions) => explain(subject, options, around)));
  asLookUp(dns.command("align <from-domain>").description("whether SPF and DKIM speak for a From domain (DMARC)"))
    .option("--return-path <domain>", "SPF passes for it")
    .option("--dkim <domain...>", "d= of signatures that verify")
    .action(run((from: string, options: AlignOptions) => align(from, options, around)));

  asLookUp(dns.command("relays").description("the operator's own: names of the relays, SPF, bounces, block lists"))
    .option("--ip <address=name...>", "where relays send from (HIKYAKU_RELAY_SOURCES)")
    .option("--include <domain>", "whose SPF record customers include (default: the bounce domain)")
    .option("--bounce-domain <domain>", "of return-path addresses (HIKYAKU_BOUNCE_DOMAIN)")
    .action(run((options: RelaysOptions) => relays(options, around)));

  dns
    .command("reports <file...>")
    .description("DMARC aggregate reports: who sends in a domain's name, what fails and what to mend (- is stdin)")
    .option("--json", "JSON on stdout")
    .action(run((files: string[], options: { json?: boolean }) => reports(files, options, around)));

  asSending(dns.command("watch <domain>").description("check again and again, and say what changed for sure"))
    .option("--every <seconds>", "between two checks (default: the records' TTL, 30 s to an hour)")
    .option("--times <checks>", "end after so many")
    .action(run((domain: string, options: WatchOptions) => watch(domain, options, around)));

  root
    .command("dkim")
    .description("DKIM keys")
    .command("new")
    .description("make a key pair and the record that publishes it")
    .option("--ed25519", "instead of RSA")
    .option("--bits <bits>", "of RSA: 2048 (default), 3072 or 4096")
    .option("--selector <selector>", "default: s1")
    .option("--domain <domain>", "whose zone it is for")
    .option("--out <file>", "write the private key there, readable by its owner only")
    .option("--json", "JSON on stdout")
    .action(run((options: KeyOptions) => newKey(options, around)));
};

const asLookUp = (command: Command): Command =>
  command
    .option("--doh <url...>", "DNS over HTTPS resolvers, in order")
    .option("--dns <ip:port...>", "DNS servers, in order (default: the system's); with --doh both must agree")
    .option("--json", "JSON on stdout");

/** Options that say what is to stand in its zone. */
const asPlanning = (command: Command): Command =>
  asSending(command)
    .addOption(new Option("--policy <policy>", "DMARC policy, at least").choices(["none", "quarantine", "reject"]))
    .option("--rua <mailto:address>", "where DMARC reports are to go");

/** Options that say how a domain sends. */
const asSending = (command: Command): Command =>
  asLookUp(command)
    .option("--return-path <domain>", "of bounce addresses, a name or a label below the domain (default: the domain)")
    .option("--selector <selector...>", "DKIM selectors")
    .option("--dkim-key <file...>", "PEM, private or public, in the order of the selectors")
    .option("--include <domain...>", "whose SPF record names the relays")
    .option("--ip <address...>", "relays by address")
    .option("--bounce-host <host>", "where bounces to the return-path go");
