/**
 * Who may stand in From and Sender: by the account's rule, its verified domains, the addresses it has listed, and the
 * domain that the key is bound to.
 */
import type { Sender } from "#contract/account.ts";
import { idFormatter, kToMs, parseId } from "#contract/ids.ts";
import { parseMailbox } from "#contract/address.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { SANDBOX_DOMAIN } from "#contract/sandbox.ts";
import type { Address } from "../core/send-request.ts";
import type { AccountDomains } from "./account-domains.ts";
import type { AccountKeys } from "./account-keys.ts";
import type { AccountSettings } from "./account-settings.ts";
import { pageOfRows } from "./page-of-rows.ts";
import type { Visitor } from "./visitor.ts";

const SENDER_LIMIT = 10_000;

export class AccountSenders {
  readonly #sql: SqlStorage;
  readonly #account: string;
  readonly #rooms: { settings: AccountSettings; keys: AccountKeys; domains: AccountDomains };
  /** Listed addresses, oldest first. */
  readonly #listed = new Map<string, number>();

  constructor(
    sql: SqlStorage,
    account: string,
    rooms: { settings: AccountSettings; keys: AccountKeys; domains: AccountDomains },
  ) {
    this.#sql = sql;
    this.#account = account;
    this.#rooms = rooms;
    for (const row of sql.exec<{ address: string; k: number }>("SELECT address, k FROM sender ORDER BY k"))
      this.#listed.set(row.address, row.k);
  }

  /** Whether the account, by this key, may put this address in From or Sender of a mail to these. */
  check(visitor: Visitor, from: Address, recipients: readonly string[]): Problem | undefined {
    const { settings, keys, domains } = this.#rooms;
    const bound = keys.boundDomain(visitor);
    if (bound !== undefined && domains.idOf(from.domain) !== bound)
      return problem(
        "sender_not_allowed",
        `This API key may not send from ${from.domain}: it is bound to another domain.`,
      );
    const rule = settings.current?.allowed_senders;
    if (rule === "any") return undefined;
    // Mail to and from there never leaves the machine: anybody may use it to try the service.
    if (from.domain === SANDBOX_DOMAIN && recipients.every((rcpt) => rcpt.endsWith(`@${SANDBOX_DOMAIN}`)))
      return undefined;
    if (!domains.isVerified(from.domain)) return notVerified(from.domain);
    if (rule === "registered" && !this.#listed.has(from.address.toLowerCase()))
      return problem("sender_not_allowed", `${from.address} is not a registered sender of this account.`);
    return undefined;
  }

  /** Listed can be only what is in a verified domain: else a stranger could list anybody's address. */
  add(email: string, k: number): Sender | Problem {
    const parsed = parseMailbox(email);
    if (parsed.kind === "invalid") return problem("validation_error", `Invalid \`email\` field: ${parsed.reason}.`);
    const { domain } = parsed.mailbox;
    // In theory `A@` and `a@` are two people (RFC 5321 §2.4); in no mailbox that sends are they.
    const address = parsed.mailbox.address.toLowerCase();
    if (this.#listed.has(address)) return problem("conflict", `${address} is registered already.`);
    if (this.#listed.size >= SENDER_LIMIT)
      return problem("validation_error", `An account has at most ${SENDER_LIMIT} registered senders.`);
    if (!this.#rooms.domains.isVerified(domain)) return notVerified(domain);
    this.#sql.exec("INSERT INTO sender (address, k) VALUES (?, ?)", address, k);
    this.#listed.set(address, k);
    return this.#show([address, k]);
  }

  list(query: PageQuery): Page<Sender> | Problem {
    const formatId = idFormatter(this.#account);
    return pageOfRows(
      [...this.#listed].toReversed(),
      ([, k]) => formatId(k),
      query,
      (row) => this.#show(row),
    );
  }

  /** By id or by address; the address that is gone. */
  remove(idOrEmail: string): string | undefined {
    const k = parseId(this.#account, idOrEmail);
    const address =
      k === undefined ? idOrEmail.toLowerCase() : [...this.#listed].find(([, listed]) => listed === k)?.[0];
    if (address === undefined || !this.#listed.delete(address)) return undefined;
    this.#sql.exec("DELETE FROM sender WHERE address = ?", address);
    return address;
  }

  #show([email, k]: [string, number]): Sender {
    const id = idFormatter(this.#account)(k);
    return { object: "sender", id, email, created_at: new Date(kToMs(k)).toISOString() };
  }
}

const notVerified = (domain: string): Problem =>
  problem("sender_not_allowed", `The ${domain} domain is not verified. Add and verify it before you send from it.`);
