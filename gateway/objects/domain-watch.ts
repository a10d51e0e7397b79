/**
 * The domains that were verified, looked at again: each once a day at its own hour, sooner when the last look left a
 * doubt (`core/domain-look.ts`).
 *
 * A few look-ups run side by side, and so many domains a run; the alarm begins the next. A look that fails as a whole is
 * logged and tried again later, and keeps no other from being made.
 */
import { isProblem } from "#contract/problem.ts";
import type { AccountDomains } from "./account-domains.ts";
import type { AccountSettings } from "./account-settings.ts";
import { lookUpDomain } from "./domain-look-up.ts";
import type { Errand } from "./errand.ts";
import { logEvent } from "./log.ts";

export type DomainWatchContext = {
  account: string;
  domains: AccountDomains;
  settings: AccountSettings;
  /** `HIKYAKU_DOH_URL` */
  dohUrls: string;
};

const SIDE_BY_SIDE = 4;
/** One check is some thirty look-ups, and what one alarm may fetch is limited on Cloudflare. */
const DOMAINS_A_RUN = 10;
const RETRY_MS = 15 * 60_000;
/** By then a run is over, or died. */
const LONGEST_RUN_MS = 5 * 60_000;

export class DomainWatch implements Errand {
  readonly #context: DomainWatchContext;
  #isRunning = false;
  #notBeforeMs = 0;

  constructor(context: DomainWatchContext) {
    this.#context = context;
  }

  nextMs(nowMs: number): number {
    if (this.#isRunning) return nowMs + LONGEST_RUN_MS;
    return Math.max(this.#context.domains.nextLookMs(), this.#notBeforeMs);
  }

  async run(nowMs: number): Promise<void> {
    if (this.#isRunning || this.nextMs(nowMs) > nowMs) return;
    this.#isRunning = true;
    const due = this.#context.domains.dueForLook(nowMs, DOMAINS_A_RUN).values();
    // All take from the one list: who is slow keeps nobody waiting.
    const looks = Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (const id of due) if (!(await this.#look(id))) this.#notBeforeMs = nowMs + RETRY_MS;
    });
    await Promise.all(looks);
    this.#isRunning = false;
  }

  async #look(id: string): Promise<boolean> {
    const { account, domains, settings, dohUrls } = this.#context;
    try {
      const asked = domains.toLookUp(id, Date.now());
      if (isProblem(asked)) return true;
      const findings = await lookUpDomain(asked.sending, dohUrls);
      // It may be gone by now.
      const settled = domains.lookedUp(id, findings, { nowMs: Date.now(), isAsked: false });
      if (!isProblem(settled) && settled.keysChanged) settings.keysChanged();
      return true;
    } catch (error) {
      logEvent("error", "domain.look-failed", { account, domain: id, error: String(error) });
      return false;
    }
  }
}
