/**
 * What the sandbox trap received of this account's mail: the newest few hundred messages, for trying things out.
 */
import type { Page } from "#contract/pagination.ts";
import type { SandboxMessage } from "#contract/sandbox.ts";
import { idFormatter } from "#contract/ids.ts";
import { Trapped } from "#contract/relay-protocol.ts";

const KEPT_MESSAGES = 200;
/** Characters of one reply: of larger mail fewer are shown. */
const SHOWN_LENGTH = 8_000_000;

export class AccountSandbox {
  readonly #sql: SqlStorage;
  readonly #formatId: (k: number) => string;

  constructor(sql: SqlStorage, account: string) {
    this.#sql = sql;
    this.#formatId = idFormatter(account);
  }

  /** `text`: a `Trapped` as JSON. One for a delivery that is not ours is dropped; a second one replaces the first. */
  keep(text: string): void {
    const { k } = Trapped.parse(JSON.parse(text));
    if (this.#sql.exec<{ k: number }>("SELECT k FROM delivery WHERE k = ?", k).toArray().length === 0) return;
    this.#sql.exec("INSERT OR REPLACE INTO sandbox (k, json) VALUES (?, ?)", k, text);
    this.#sql.exec("DELETE FROM sandbox WHERE k NOT IN (SELECT k FROM sandbox ORDER BY k DESC LIMIT ?)", KEPT_MESSAGES);
  }

  /** Newest first; `raw` is the message as text (our own mail is 7-bit). */
  list(): Page<SandboxMessage> {
    const rows = this.#sql
      .exec<{ json: string; email: number }>(
        "SELECT s.json, d.email FROM sandbox s JOIN delivery d ON d.k = s.k ORDER BY s.k DESC",
      )
      .toArray();
    let length = 0;
    const shown = rows.filter((row) => (length += row.json.length) <= SHOWN_LENGTH || row === rows[0]);
    const data = shown.map((row): SandboxMessage => {
      const trapped = Trapped.parse(JSON.parse(row.json));
      return {
        object: "sandbox_message",
        email_id: this.#formatId(row.email),
        received_at: new Date(trapped.received_at_ms).toISOString(),
        mail_from: trapped.mail_from,
        rcpt_to: trapped.rcpt_to,
        raw: new TextDecoder().decode(Uint8Array.from(atob(trapped.raw), (char) => char.charCodeAt(0))),
        raw_bytes: trapped.raw_bytes,
        authentication_results: trapped.authentication_results,
      };
    });
    return { object: "list", has_more: shown.length < rows.length, data };
  }
}
