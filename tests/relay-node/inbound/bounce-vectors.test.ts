/**
 * The samples of `tests/vectors/bounces`: a mail as `.eml`, and beside it in `.json` what it is.
 *
 * They were written for this test after the forms of the large providers and mail systems. Return-Path at the top
 * of a sample is its envelope sender. `bounce` is type and subtype, `says` a piece of the diagnosis; a key that an
 * expectation does not have is not looked at, but for code, status and addresses of recipients.
 */
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { bounceTypeOfRecipient, type BouncedRecipient, InboundBounce, InboundComplaint } from "#contract/inbound.ts";
import { classifyInbound } from "../../../relay-node/inbound/inbound-message.ts";

const DIRECTORY = fileURLToPath(new URL("../../vectors/bounces/", import.meta.url));

const Expected = z.looseObject({
  kind: z.string(),
  recipients: z.array(z.looseObject({ bounce: z.string().optional(), says: z.string().optional() })).optional(),
});

const NAMES = globSync("*.eml", { cwd: DIRECTORY })
  .map((path) => basename(path, ".eml"))
  .toSorted();

const mailFromOf = (bytes: Buffer): string => /^Return-Path: <(.*)>/m.exec(bytes.toString("latin1"))?.[1] ?? "";

const told = (recipient: BouncedRecipient): Record<string, unknown> => {
  const { diagnostic: _, remote_mta: _mta, ...rest } = recipient;
  const bounce = bounceTypeOfRecipient(recipient);
  return { ...rest, ...(bounce ? { bounce: `${bounce.type} ${bounce.subType}` } : {}) };
};

describe("samples", () => {
  test("there are enough of each kind", () => {
    const kinds = NAMES.map(
      (name) => Expected.parse(JSON.parse(readFileSync(`${DIRECTORY}${name}.json`, "utf8"))).kind,
    );
    expect(kinds.filter((kind) => kind === "bounce" || kind === "complaint").length).toBeGreaterThanOrEqual(60);
    expect(new Set(kinds)).toEqual(new Set(["bounce", "complaint", "auto-reply", "other"]));
  });

  test.each(NAMES)("%s", async (name) => {
    const bytes = readFileSync(`${DIRECTORY}${name}.eml`);
    const { recipients = [], ...expected } = Expected.parse(
      JSON.parse(readFileSync(`${DIRECTORY}${name}.json`, "utf8")),
    );
    const message = await classifyInbound(bytes, mailFromOf(bytes));
    expect(message).toMatchObject(expected);
    if (message.kind === "complaint") expect(InboundComplaint.parse(message)).toEqual(message);
    if (message.kind !== "bounce") return;
    expect(InboundBounce.parse(message)).toEqual(message);
    expect(message.recipients.map(told)).toEqual(recipients.map(({ says: _, remote_mta: _mta, ...rest }) => rest));
    for (const [at, { says = "", remote_mta }] of recipients.entries()) {
      expect(message.recipients[at]?.diagnostic ?? "").toContain(says);
      if (remote_mta !== undefined) expect(message.recipients[at]?.remote_mta).toBe(remote_mta);
    }
  });
});
