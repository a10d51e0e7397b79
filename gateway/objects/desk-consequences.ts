/**
 * What has to be done when a question of the desk was answered, before its answer leaves.
 */
import type { Question } from "./account-desk.ts";

/** Questions after which there may be mail to go that was not there before. */
export const STIRRING: ReadonlySet<Question> = new Set(["updateEmail", "updateAccount"]);
/** Questions after which the directory may have to be told, before they are answered. */
export const TELLING: ReadonlySet<Question> = new Set(["updateDomain", "domainLookedUp", "deleteDomain"]);
/** Questions after which the object of an endpoint is told, before they are answered. */
export const CONFIGURING: ReadonlySet<Question> = new Set([
  "createWebhook",
  "updateWebhook",
  "rotateWebhookSecret",
  "deleteWebhook",
]);
/** Questions after which relays give back what they hold, before they are answered. */
export const RECALLING: ReadonlySet<Question> = new Set(["addSuppression", "addSuppressions", "importSuppressions"]);
