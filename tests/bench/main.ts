/**
 * The benchmarks: `npm run bench -- accept | end-to-end | dns | inbound | webhooks | peers | all`. Each prints JSON; figures of one run are
 * to be compared with each other, never with another machine's.
 *
 *   accept       what the gateway takes: singles, batches of 100, a bulk of 100,000, refusals, a steady rate, a long queue
 *   end-to-end   sends to a sink over SMTP, DKIM RSA-2048, from the first request until all are settled; singles and
 *                batches of 100 (--unsigned: without signatures, as the peers send it)
 *   dns          a whole check of one domain with 50 ms a look-up; 1,000 domains of a recorded zone on one core
 *   inbound      bounces by mail over SMTP, until they are events
 *   webhooks     events from what happens until an endpoint has them; a hundred endpoints, one stalled; one beside a dead one
 *   peers        the same mail through Postfix, Postfix that signs with OpenDKIM, and Haraka, where they are installed
 */
import { parseArgs } from "node:util";
import { benchAccept } from "./accept.ts";
import { benchDns } from "./dns.ts";
import { benchEndToEnd } from "./end-to-end.ts";
import { print } from "./figures.ts";
import { benchInbound } from "./inbound.ts";
import { benchPeers } from "./peers.ts";
import { benchWebhooks } from "./webhooks.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mails: { type: "string", default: "10000" },
    runs: { type: "string", default: "3" },
    queued: { type: "string", default: "100000" },
    unsigned: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});
const [mails, runs, queued] = [Number(values.mails), Number(values.runs), Number(values.queued)];

type Rates = { singles: number; batches: number };

const ours = async (signed: boolean): Promise<Rates> => {
  const singles = await benchEndToEnd({ mails, runs, signed, batchOf: 1 });
  return { singles, batches: await benchEndToEnd({ mails, runs, signed, batchOf: 100 }) };
};

const ratio = (a: number, b: number): number => Math.round((a / b) * 100) / 100;

/** Peers that do not sign are held against us without signatures too, which is the same work. */
const peers = async (rates: Rates | undefined, unsigned: Rates | undefined): Promise<void> => {
  for (const result of await benchPeers(Math.min(mails, 5000), 2048)) {
    const theirs = "deliveredPerSecond" in result ? result.deliveredPerSecond : undefined;
    print({
      bench: "peers",
      ...result,
      ...(rates &&
        theirs && {
          oursToTheirs: ratio(rates.singles, theirs),
          oursInBatchesToTheirs: ratio(rates.batches, theirs),
        }),
      ...(unsigned &&
        theirs &&
        result.peer !== "postfix-opendkim" && {
          unsignedToTheirs: ratio(unsigned.singles, theirs),
          unsignedInBatchesToTheirs: ratio(unsigned.batches, theirs),
        }),
    });
  }
};

const which = positionals[0] ?? "all";
if (values.help || !["accept", "end-to-end", "dns", "inbound", "webhooks", "peers", "all"].includes(which)) {
  console.log(
    "npm run bench -- accept|end-to-end|dns|inbound|webhooks|peers|all [--mails 10000] [--runs 3] [--queued 100000] [--unsigned]",
  );
  process.exit(values.help ? 0 : 2);
}
if (which === "accept" || which === "all") await benchAccept({ mails, runs, queued });
if (which === "dns" || which === "all") await benchDns(runs);
if (which === "inbound" || which === "all") await benchInbound({ mails: Math.min(mails, 5000), runs });
if (which === "webhooks" || which === "all") await benchWebhooks({ events: mails, runs });
const rates = which === "end-to-end" || which === "all" ? await ours(!values.unsigned) : undefined;
if (which === "peers" || which === "all") await peers(rates, which === "all" ? await ours(false) : undefined);
