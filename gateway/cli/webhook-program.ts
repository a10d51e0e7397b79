/**
 * The commands and options of `hikyaku webhooks` and `hikyaku events`.
 */
import type { Command } from "commander";
import type { ApiOptions } from "./credentials.ts";
import type { Run, Surroundings } from "./surroundings.ts";
import {
  addWebhook,
  listEvents,
  listWebhooks,
  removeWebhook,
  replayWebhook,
  rotateWebhookSecret,
  showWebhook,
  testWebhook,
  updateWebhook,
  type WebhookChanges,
} from "./webhooks.ts";

type Json = ApiOptions & { json?: boolean };

/** `asAccount` adds the options of commands that speak for one account. */
export const webhookCommands = (
  root: Command,
  run: Run,
  around: Surroundings,
  asAccount: (command: Command) => Command,
): void => {
  const webhooks = root.command("webhooks").description("where the events of an account are posted to");
  asAccount(webhooks.command("add <url>").description("post what happens from now on to a URL"))
    .option("--events <type...>", "email.delivered and the like (default: all)")
    .action(run((url: string, options: Json & { events?: string[] }) => addWebhook(url, options, around)));
  asAccount(webhooks.command("list").description("all webhooks")).action(
    run((options: Json) => listWebhooks(options, around)),
  );
  asAccount(webhooks.command("show <id>").description("a webhook and what its payloads are verified with")).action(
    run((id: string, options: Json) => showWebhook(id, options, around)),
  );
  asAccount(webhooks.command("update <id>").description("change a webhook; what is not named stays"))
    .option("--endpoint <url>", "post to this URL from now on")
    .option("--events <type...>", "only these types: email.delivered and the like")
    .option("--disable", "post nothing until it is enabled again")
    .option("--enable", "go on where it stopped, 30 days back at the most")
    .option("--skip-missed", "with --enable: leave out what happened while it was disabled")
    .action(run((id: string, options: Json & WebhookChanges) => updateWebhook(id, options, around)));
  asAccount(
    webhooks.command("rotate <id>").description("give a webhook a new secret; for a day the old one signs too"),
  ).action(run((id: string, options: Json) => rotateWebhookSecret(id, options, around)));
  asAccount(webhooks.command("test <id>").description("post one event now and show the answer")).action(
    run((id: string, options: Json) => testWebhook(id, options, around)),
  );
  asAccount(webhooks.command("replay <id>").description("post again what has failed"))
    .option("--all", "what was taken, too")
    .option("--since <time>", "ISO 8601")
    .option("--until <time>", "ISO 8601")
    .action(run((id: string, options: Parameters<typeof replayWebhook>[1]) => replayWebhook(id, options, around)));
  asAccount(webhooks.command("remove <id>").description("post nothing more to it")).action(
    run((id: string, options: Json) => removeWebhook(id, options, around)),
  );
  asAccount(root.command("events").description("what happened to an account, oldest first"))
    .option("--after <id>", "what came after this event")
    .option("--types <list>", "comma separated")
    .action(run((options: Json & { after?: string; types?: string }) => listEvents(options, around)));
};
