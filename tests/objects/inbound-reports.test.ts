/**
 * Bounces and complaints as a relay posts them: only what is proved changes anything, each changes it once, and a
 * forgery wakes no account.
 */
import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { feedbackSignedText, type FeedbackToken, formatFeedbackId } from "#contract/feedback-id.ts";
import { EventsPage } from "#contract/event-payload.ts";
import { PROOF_DAYS, ReportVerdicts } from "#contract/inbound.ts";
import { formatReturnPath, returnPathSignedText } from "#contract/return-path.ts";
import { accountMac } from "../../gateway/core/return-path-key.ts";
import { REPORT_SQL } from "../../gateway/objects/account-reports.ts";
import { acceptMany, deliveriesOf, leaseTo, ledgerOf, outcomes } from "./support/account-scene.ts";
import {
  type Answer,
  call,
  objectsMadeBy,
  openAccount,
  openRelay,
  sqlIn,
  type TestAccount,
} from "./support/worker-calls.ts";

afterEach(reset);

const READERS = ["ann@inbox.test", "bob@inbox.test", "cem@other.test"];

type Token = { account: string; k: number };

const returnPath = async ({ account, k }: Token, key = env.HIKYAKU_MASTER_KEY): Promise<string> => {
  const token = { account, k, attempt: 1 };
  return formatReturnPath(token, await accountMac(key, account, returnPathSignedText(token)), "bounce.test");
};

const feedbackId = async ({ of = "email", ...email }: Token & { of?: FeedbackToken["of"] }): Promise<string> => {
  const token: FeedbackToken = { of, ...email };
  return formatFeedbackId(
    token,
    await accountMac(env.HIKYAKU_MASTER_KEY, token.account, feedbackSignedText(token)),
    "bulk",
  );
};

const failed = { final_recipient: "ann@inbox.test", action: "failed", status: "5.1.1", diagnostic: "no such user" };
const bounce = (recipient: object = failed): object => ({
  ...{ kind: "bounce", format: "rfc3464", recipients: [recipient], original_headers: {} },
});
const complaint = (headers: Record<string, string>, more: object = {}): object => ({
  ...{ kind: "complaint", feedback_type: "abuse", original_recipients: [], original_headers: headers, ...more },
});

const scene = async (recipients = ["ann@inbox.test"]) => {
  const account = await openAccount();
  const { token, id: relayId } = await openRelay();
  const [k = 0] = await acceptMany(account, 1, { recipients });
  const { lease, ks } = await leaseTo(account, "r1");
  await account.stub.settle("r1", outcomes(lease, ks, "delivered"));
  const post = (reports: unknown): Promise<Answer> =>
    call("POST", "/relay/inbound/reports", { token, body: { reports } });
  const tell = async (recipient: string, report: object): Promise<string | undefined> => {
    const answer = await post([{ recipient, report }]);
    return ReportVerdicts.parse(answer.body).verdicts[0];
  };
  return { account, token, relayId, email: { account: account.id, k }, post, tell };
};

const statesOf = async (account: TestAccount): Promise<string[]> =>
  (await deliveriesOf(account)).map(({ state }) => state);
const suppressionsOf = (account: TestAccount): Promise<unknown[]> =>
  sqlIn(account.stub, "SELECT address, origin, stream FROM suppression ORDER BY address");

test("a hard bounce is written once and suppresses the address", async () => {
  const { account, email, tell } = await scene();
  const to = await returnPath(email);
  expect(await tell(to, bounce())).toBe("recorded");
  expect(await statesOf(account)).toEqual(["bounced"]);
  expect(await suppressionsOf(account)).toEqual([{ address: "ann@inbox.test", origin: "bounce", stream: -1 }]);
  const before = await ledgerOf(account);
  expect(await tell(to, bounce())).toBe("known");
  // A receiver may fold the case of our address.
  expect(await tell(to.toUpperCase(), bounce())).toBe("known");
  expect(await ledgerOf(account)).toEqual(before);
});

test("a soft bounce suppresses nobody; news of a delay changes nothing", async () => {
  const { account, email, tell } = await scene();
  const to = await returnPath(email);
  const before = await ledgerOf(account);
  expect(await tell(to, bounce({ ...failed, action: "delayed", status: "4.4.1" }))).toBe("ignored");
  expect(await tell(to, bounce({ ...failed, action: "delivered", status: "2.0.0" }))).toBe("ignored");
  expect(await ledgerOf(account)).toEqual(before);
  expect(await tell(to, bounce({ ...failed, status: "5.2.2" }))).toBe("recorded");
  expect(await suppressionsOf(account)).toEqual([]);
});

test("what is not proved changes nothing and wakes nobody", async () => {
  const { account, email, tell } = await scene();
  const before = await ledgerOf(account);
  const right = await returnPath(email);
  const check = async (recipient: string, report: object, expected: string): Promise<void> => {
    const made = await objectsMadeBy(env.ACCOUNT, async () =>
      expect(await tell(recipient, report), recipient).toBe(expected),
    );
    expect(made, recipient).toBe(0);
    expect(await ledgerOf(account)).toEqual(before);
  };
  const stranger = { account: "0123456789ab", k: email.k };
  await check(await returnPath(email, "another master key, as long as ours is"), bounce(), "forged");
  await check(right.replace(/\.[0-9a-z]{16}@/, ".0000000000000000@"), bounce(), "forged");
  // The mac of one token on another: of this account, and of another account.
  const swap = (text: string): string => text + right.slice(right.indexOf(".1.") + 2);
  await check(swap(`${account.id}.${(email.k + 1).toString(36)}.1`), bounce(), "forged");
  await check(swap(`${stranger.account}.${email.k.toString(36)}.1`), bounce(), "forged");
  // Proves an email, and is no return-path.
  const [mark = ""] = (await feedbackId(email)).split(":");
  const [, mac = ""] = mark.split(".");
  await check(`${account.id}.${email.k.toString(36)}.1.${mac}@bounce.test`, bounce(), "forged");
  await check("fbl@bounce.test", bounce(), "unproved");
  await check("fbl@bounce.test", complaint({}), "unproved");
  await check(
    "fbl@bounce.test",
    complaint({ "message-id": "<1@shop.test>", "return-path": "<ann@inbox.test>" }),
    "unproved",
  );
  await check("fbl@bounce.test", complaint({ "feedback-id": `${mark}:bulk:${stranger.account}:hikyaku` }), "unproved");
});

test("a proof counts for so many days", async () => {
  const { account, tell } = await scene();
  const days = (count: number): Token => ({
    account: account.id,
    k: (Date.now() - count * 24 * 3600 * 1000) * 1024,
  });
  expect(await tell(await returnPath(days(PROOF_DAYS + 1)), bounce())).toBe("expired");
  expect(await tell(await returnPath(days(PROOF_DAYS - 1)), bounce())).toBe("gone");
  expect(await tell("fbl@b.test", complaint({ "feedback-id": await feedbackId(days(61)) }))).toBe("expired");
});

test("a complaint proves itself by what it returns", async () => {
  const check = async (report: (email: Token) => Promise<object>, recipient = "fbl@bounce.test"): Promise<void> => {
    const { account, email, tell } = await scene();
    expect(await tell(recipient, await report(email))).toBe("recorded");
    expect(await statesOf(account)).toEqual(["complained"]);
    expect(await suppressionsOf(account)).toEqual([{ address: "ann@inbox.test", origin: "complaint", stream: 0 }]);
    expect(await tell(recipient, await report(email))).toBe("known");
  };
  await check(async (email) => complaint({ "return-path": `<${await returnPath(email)}>` }));
  await check(async (email) => complaint({}, { original_mail_from: await returnPath(email) }));
  await check(async (email) => complaint({ "feedback-id": await feedbackId(email) }));
  await check(async (email) =>
    complaint({ "feedback-id": "a:b:c:shop", "x-hikyaku-feedback-id": await feedbackId(email) }),
  );
  // What was forged in one field does not spoil what is right in another.
  await check(async (email) =>
    complaint({
      "return-path": `<${await returnPath(email, "another master key, as long as ours is")}>`,
      "feedback-id": await feedbackId(email),
    }),
  );
});

test("what all recipients of an email hold lets none of them complain in another's name", async () => {
  const { account, email, tell } = await scene(READERS);
  const mark = { "feedback-id": await feedbackId(email) };
  const before = await deliveriesOf(account);
  for (const original_recipients of [["bob@inbox.test"], ["redacted@other.test"], []])
    for (const feedback_type of ["abuse", "opt-out"]) {
      const report = complaint(mark, { original_recipients, feedback_type });
      expect(await tell("fbl@bounce.test", report), original_recipients.join()).toBe("unclear");
    }
  expect(await deliveriesOf(account)).toEqual(before);
  expect(await suppressionsOf(account)).toEqual([]);
  // It is told of the email, once, whoever sends it how often.
  const page = await call("GET", "/v1/events?types=email.complained", { token: account.token });
  const { data } = EventsPage.parse(page.body);
  expect(data).toMatchObject([{ rank: 8, data: { to: ["reader@inbox.test"], complaint: { feedback_type: "abuse" } } }]);
  expect(data[0]?.data).not.toHaveProperty("recipient");
  // The return-path is one recipient's own.
  const own = { ...mark, "return-path": `<${await returnPath({ ...email, k: email.k + 1 })}>` };
  expect(await tell("fbl@bounce.test", complaint(own, { original_recipients: ["cem@other.test"] }))).toBe("recorded");
  expect(await statesOf(account)).toEqual(["delivered", "complained", "delivered"]);
});

test("a report told again is known, whatever has happened since", async () => {
  const { account, email, tell } = await scene();
  const to = await returnPath(email);
  expect(await tell(to, bounce())).toBe("recorded");
  // Above `bounced`.
  expect(await tell(to, complaint({}))).toBe("recorded");
  const before = await ledgerOf(account);
  expect([await tell(to, bounce()), await tell(to, bounce()), await tell(to, complaint({}))]).toEqual([
    "known",
    "known",
    "known",
  ]);
  expect(await ledgerOf(account)).toEqual(before);
});

test("a report told again does not put back who was taken off the list by hand; a new one does", async () => {
  const check = async (report: object, stream: number): Promise<void> => {
    const { account, email, tell } = await scene();
    const to = await returnPath(email);
    expect(await tell(to, report)).toBe("recorded");
    const { status } = await call("DELETE", "/v1/suppressions/ann%40inbox.test", { token: account.token });
    expect(status).toBe(200);
    expect(await tell(to, report)).toBe("known");
    expect(await suppressionsOf(account)).toEqual([]);
    const [k = 0] = await acceptMany(account, 1, { recipients: ["ann@inbox.test"] });
    const { lease, ks } = await leaseTo(account, "r1");
    await account.stub.settle("r1", outcomes(lease, ks, "delivered"));
    expect(await tell(await returnPath({ account: account.id, k }), report)).toBe("recorded");
    expect(await suppressionsOf(account)).toMatchObject([{ address: "ann@inbox.test", stream }]);
  };
  await check(bounce(), -1);
  await check(complaint({}), 0);
  await check(complaint({}, { feedback_type: "opt-out" }), 0);
});

test("the Feedback-ID of a personal message names its recipient", async () => {
  const { account, email, tell } = await scene(READERS);
  const report = complaint({ "feedback-id": await feedbackId({ of: "delivery", ...email }) });
  expect(await tell("fbl@bounce.test", report)).toBe("recorded");
  expect(await statesOf(account)).toEqual(["complained", "delivered", "delivered"]);
});

test("a return-path is one recipient's, whatever the report says", async () => {
  const { account, email, tell } = await scene(READERS);
  const to = await returnPath({ ...email, k: email.k + 1 });
  expect(await tell(to, bounce())).toBe("recorded");
  expect(await statesOf(account)).toEqual(["delivered", "bounced", "delivered"]);
  // It speaks of another person: a forward, or a member of a list.
  expect(await suppressionsOf(account)).toEqual([]);
});

test("many in one post, of several accounts: each has its verdict", async () => {
  const one = await scene();
  const two = await scene();
  const paths = [await returnPath(one.email), await returnPath(two.email)];
  const [first = "", second = ""] = paths;
  const reports = [first, "fbl@bounce.test", second, first].map((recipient) => ({ recipient, report: bounce() }));
  expect((await one.post(reports)).body).toEqual({ verdicts: ["recorded", "unproved", "recorded", "known"] });
  expect([await statesOf(one.account), await statesOf(two.account)]).toEqual([["bounced"], ["bounced"]]);
});

test("only relays post here, and only reports", async () => {
  const { email, post, token, relayId, account } = await scene();
  const report = { recipient: await returnPath(email), report: bounce() };
  const check = async (answer: Answer, status: number): Promise<void> => {
    expect(answer.status).toBe(status);
    expect(await statesOf(account)).toEqual(["delivered"]);
  };
  await check(await call("POST", "/relay/inbound/reports", { body: { reports: [report] } }), 401);
  await check(await call("POST", "/relay/inbound/reports", { token: account.token, body: { reports: [report] } }), 403);
  await check(await call("POST", "/relay/inbound/reports", { token, raw: "{" }), 400);
  await check(await post([]), 400);
  await check(await post(Array.from({ length: 101 }, () => report)), 400);
  await check(await post([{ ...report, report: { kind: "rumour" } }]), 400);
  await check(await post([{ ...report, recipient: "x".repeat(321) }]), 400);
  await call("DELETE", `/admin/relays/${relayId}`, { token: env.HIKYAKU_ADMIN_TOKEN });
  await check(await post([report]), 403);
});

test("the recipients of an email are looked up by key alone", async () => {
  const { account } = await scene();
  const plans = await Promise.all(
    Object.values(REPORT_SQL).map((statement) =>
      sqlIn<{ detail: string }>(account.stub, `EXPLAIN QUERY PLAN ${statement}`, 1),
    ),
  );
  for (const { detail } of plans.flat()) expect(detail).toMatch(/USING INTEGER PRIMARY KEY/);
});
