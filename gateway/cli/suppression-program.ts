/**
 * The commands and options of `hikyaku suppressions`.
 */
import { type Command, Option } from "commander";
import type { ApiOptions } from "./credentials.ts";
import {
  addSuppressions,
  exportSuppressions,
  importSuppressions,
  listSuppressions,
  removeSuppressions,
} from "./suppressions.ts";
import type { Run, Surroundings } from "./surroundings.ts";

type Json = ApiOptions & { json?: boolean };

const STREAM = new Option("--stream <stream>", "mail of this stream only").choices(["transactional", "bulk"]);
const ORIGIN = new Option("--origin <origin>", "why they are there");

/** `asAccount` adds the options of commands that speak for one account. */
export const suppressionCommands = (
  root: Command,
  run: Run,
  around: Surroundings,
  asAccount: (command: Command) => Command,
): void => {
  const list = root.command("suppressions").description("addresses that get no mail of an account any more");
  asAccount(list.command("list").description("the newest hundred"))
    .addOption(ORIGIN.choices(["bounce", "complaint", "manual", "unsubscribe"]))
    .addOption(STREAM)
    .action(run((options: Parameters<typeof listSuppressions>[0]) => listSuppressions(options, around)));
  asAccount(list.command("add <address...>").description("addresses, or whole domains as *@example.com"))
    .addOption(STREAM)
    .option("--expires <time>", "ISO 8601; default: for good")
    .action(
      run((addresses: string[], options: Parameters<typeof addSuppressions>[1]) =>
        addSuppressions(addresses, options, around),
      ),
    );
  asAccount(list.command("remove <address...>").description("take addresses off the list, in all streams")).action(
    run((addresses: string[], options: Json) => removeSuppressions(addresses, options, around)),
  );
  asAccount(list.command("import <file>").description("CSV whose first line names a column `email`")).action(
    run((file: string, options: Json) => importSuppressions(file, options, around)),
  );
  asAccount(list.command("export").description("the whole list as CSV on stdout")).action(
    run((options: Json) => exportSuppressions(options, around)),
  );
};
