/**
 * Under which names an event is counted in the statistics (`#contract/metrics.ts`).
 *
 * Opens and clicks that a machine made by its marks are told and not counted: figures are of people. It does not know
 * what was counted before; whether an open or click is a recipient's first, its event says.
 */
import type { Counted } from "#contract/metrics.ts";
import type { NewEvent } from "./settlement.ts";

export const countedAs = ({ kind, data, isRepeat }: NewEvent): Counted[] => {
  switch (kind) {
    case "queued":
    case "scheduled":
      return [];
    // In doubt it is tried again, as what is delayed.
    case "unknown":
      return ["delivery_delayed"];
    case "bounced":
      return ["bounced", BOUNCED[data.bounce?.type ?? "Undetermined"]];
    case "opened":
    case "clicked":
      if (data.visit?.bot !== undefined) return [];
      return isRepeat === true ? [kind] : [kind, `unique_${kind}`];
    case "sent":
    case "delivery_delayed":
    case "delivered":
    case "failed":
    case "canceled":
    case "suppressed":
    case "unsubscribed":
    case "complained":
      return [kind];
  }
};

const BOUNCED = {
  Permanent: "bounced_permanent",
  Transient: "bounced_transient",
  Undetermined: "bounced_undetermined",
} as const satisfies Record<string, Counted>;
