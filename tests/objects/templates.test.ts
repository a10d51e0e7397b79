/**
 * The room of templates: drafts and what is published of them, how they are found, listed and refused; and through
 * the API, that emails keep the content they were sent with.
 */
import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { z } from "zod";
import { idFormatter, nextK, parseId } from "#contract/ids.ts";
import { EmailDetail } from "#contract/email.ts";
import { PageQuery } from "#contract/pagination.ts";
import { isProblem, type Problem, type ProblemCode } from "#contract/problem.ts";
import { type CreateTemplate, TemplateDetail, TemplateSummary } from "#contract/template.ts";
import { AccountTemplates } from "../../gateway/objects/account-templates.ts";
import { call, openAccount, sendEmail, sqlIn, type TestAccount } from "./support/worker-calls.ts";

const NOW_MS = Date.parse("2026-11-24T12:00:00Z");
const LATER_MS = NOW_MS + 60_000;
const NOW = "2026-11-24T12:00:00.000Z";
const LATER = "2026-11-24T12:01:00.000Z";
const MISSING = { kind: "problem", code: "not_found" };

const LEAST: CreateTemplate = { name: "Welcome", html: "<p>Hello {{name}}</p>" };

/** The room over an account of its own. */
const inRoom = async (work: (room: AccountTemplates, sql: SqlStorage, account: string) => void): Promise<void> => {
  const { id, stub } = await openAccount();
  await runInDurableObject(stub, (_, { storage: { sql } }) => {
    let last = 0;
    const takeK = (count: number, nowMs: number): number => {
      const k = nextK(last, nowMs);
      last = k + count - 1;
      return k;
    };
    work(new AccountTemplates(sql, id, takeK), sql, id);
  });
};

const done = <T extends object>(result: T | Problem): T => {
  if (isProblem(result)) throw new Error(`${result.code}: ${result.message}`);
  return result;
};

const query = (fields: object = {}): PageQuery => PageQuery.parse(fields);
const refusal = (code: ProblemCode, words: string) => ({
  kind: "problem",
  code,
  message: expect.stringContaining(words),
});

test("a new template is a draft, and reads as the contract has it", () =>
  inRoom((room) => {
    const { object, id } = done(room.create(LEAST, NOW_MS));
    expect(object).toBe("template");
    const detail = done(room.get(id));
    expect(TemplateDetail.strict().parse(detail)).toEqual({
      ...{ object: "template", id, name: "Welcome", status: "draft", alias: null },
      ...{ published_at: null, created_at: NOW, updated_at: NOW },
      ...{ subject: null, html: LEAST.html, text: null, from: null, reply_to: null, variables: [] },
      ...{ has_unpublished_versions: true, current_version_id: id },
    });
  }));

test("every field comes back, and a lone reply_to as a list", () =>
  inRoom((room) => {
    const variables = [
      { key: "name", type: "string", fallback_value: "friend" },
      { key: "total", type: "number" },
    ] as const;
    const fields = { subject: "Hi {{name}}", text: "Hello", from: "Shop <a@shop.test>", alias: "welcome" };
    done(room.create({ ...LEAST, ...fields, reply_to: "b@shop.test", variables: [...variables] }, NOW_MS));
    const times = { created_at: NOW, updated_at: NOW };
    expect(room.get("welcome")).toMatchObject({
      ...fields,
      reply_to: ["b@shop.test"],
      variables: [
        { ...variables[0], ...times },
        { ...variables[1], fallback_value: null, ...times },
      ],
    });
  }));

test("an update changes what it names and clears what is null", () =>
  inRoom((room) => {
    const { id } = done(
      room.create({ ...LEAST, alias: "welcome", subject: "Hi", text: "Hello", reply_to: ["b@shop.test"] }, NOW_MS),
    );
    const before = done(room.get(id));
    expect(room.update("welcome", { subject: "Changed", text: null, reply_to: null }, LATER_MS)).toEqual({
      object: "template",
      id,
    });
    expect(room.get(id)).toEqual({ ...before, subject: "Changed", text: null, reply_to: null, updated_at: LATER });
    done(room.update(id, { alias: null }, LATER_MS));
    expect(room.get("welcome")).toMatchObject(MISSING);
    expect(room.get(id)).toMatchObject({ alias: null, subject: "Changed" });
  }));

test("a variable keeps the time it came, and the time it changed while it stays as it is", () =>
  inRoom((room) => {
    const kept = { key: "kept", type: "string", fallback_value: "a" } as const;
    const { id } = done(room.create({ ...LEAST, variables: [kept, { key: "changed", type: "string" }] }, NOW_MS));
    done(room.update(id, { variables: [kept, { key: "changed", type: "number" }] }, LATER_MS));
    expect(done(room.get(id)).variables).toEqual([
      { ...kept, created_at: NOW, updated_at: NOW },
      { key: "changed", type: "number", fallback_value: null, created_at: NOW, updated_at: LATER },
    ]);
    done(room.update(id, { variables: null }, LATER_MS));
    expect(done(room.get(id)).variables).toEqual([]);
  }));

test("sends use what was published last, not the draft", () =>
  inRoom((room, sql) => {
    const { id } = done(room.create({ ...LEAST, alias: "welcome" }, NOW_MS));
    expect(room.forSend(id)).toMatchObject(refusal("validation_error", "publish it"));
    done(room.publish("welcome", LATER_MS));
    const first = done(room.forSend("welcome"));
    const body = JSON.stringify({ html: LEAST.html });
    expect(first).toEqual({
      ...{ id, part: first.part, size: body.length, html: LEAST.html, text: undefined },
      ...{ subject: undefined, from: undefined, reply_to: undefined, variables: [] },
    });
    expect(sql.exec("SELECT body FROM part WHERE k = ?", first.part).one()).toEqual({ body });

    done(room.update(id, { text: "Hello", subject: "Hi", variables: [{ key: "name", type: "string" }] }, LATER_MS));
    expect(room.forSend(id)).toEqual(first);
    done(room.publish(id, LATER_MS));
    const second = done(room.forSend(id));
    expect(second).toMatchObject({ subject: "Hi", text: "Hello", variables: [{ key: "name", type: "string" }] });
    expect(second.part).not.toBe(first.part);
    expect(sql.exec("SELECT body FROM part WHERE k = ?", first.part).one()).toEqual({ body });
  }));

test("publishing shows in the template; once more without a change, it writes nothing", () =>
  inRoom((room, sql, account) => {
    const fields = { ...LEAST, variables: [{ key: "name", type: "string" } as const] };
    const { id } = done(room.create(fields, NOW_MS));
    done(room.publish(id, LATER_MS));
    const published = done(room.get(id));
    expect(published).toMatchObject({ status: "published", published_at: LATER, has_unpublished_versions: false });
    expect(parseId(account, published.current_version_id)).toBe(done(room.forSend(id)).part);

    expect(room.publish(id, LATER_MS + 1)).toEqual({ object: "template", id });
    expect(room.get(id)).toEqual(published);
    expect(sql.exec("SELECT COUNT(*) AS n FROM part").one()).toEqual({ n: 1 });

    done(room.update(id, fields, LATER_MS + 1));
    expect(room.get(id)).toMatchObject({ has_unpublished_versions: false });
    done(room.update(id, { html: "<p>Changed" }, LATER_MS + 1));
    expect(room.get(id)).toMatchObject({ status: "published", has_unpublished_versions: true });
  }));

test("a copy is a draft of its own, without the alias", () =>
  inRoom((room) => {
    const { id } = done(
      room.create({ ...LEAST, alias: "welcome", variables: [{ key: "name", type: "string" }] }, NOW_MS),
    );
    done(room.publish(id, NOW_MS));
    const copy = done(room.duplicate("welcome", LATER_MS));
    expect(copy.id).not.toBe(id);
    expect(room.get(copy.id)).toEqual({
      ...done(room.get(id)),
      ...{ id: copy.id, name: "Welcome (copy)", alias: null, status: "draft", published_at: null },
      ...{ created_at: LATER, updated_at: LATER, has_unpublished_versions: true, current_version_id: copy.id },
      variables: [{ key: "name", type: "string", fallback_value: null, created_at: LATER, updated_at: LATER }],
    });
    const longest = done(room.create({ ...LEAST, name: "n".repeat(100) }, NOW_MS));
    expect(room.get(done(room.duplicate(longest.id, NOW_MS)).id)).toMatchObject({
      name: `${"n".repeat(90)} (copy)`,
    });
  }));

test("a removed template is gone, its published content is not, and its alias is free", () =>
  inRoom((room, sql) => {
    const { id } = done(room.create({ ...LEAST, alias: "welcome" }, NOW_MS));
    done(room.publish(id, NOW_MS));
    const { part } = done(room.forSend(id));
    expect(room.remove("welcome")).toEqual({ object: "template", id, deleted: true });
    expect(room.remove(id)).toMatchObject(MISSING);
    expect(sql.exec("SELECT COUNT(*) AS n FROM part WHERE k = ?", part).one()).toEqual({ n: 1 });
    done(room.create({ ...LEAST, alias: "welcome" }, NOW_MS));
  }));

test("what is not there is not found, by any name", () =>
  inRoom((room, _, account) => {
    for (const name of ["nothing", "", "welcome\0", idFormatter(account)(NOW_MS * 1024)]) {
      expect(room.get(name)).toMatchObject(MISSING);
      expect(room.update(name, { name: "n" }, NOW_MS)).toMatchObject(MISSING);
      expect(room.publish(name, NOW_MS)).toMatchObject(MISSING);
      expect(room.duplicate(name, NOW_MS)).toMatchObject(MISSING);
      expect(room.remove(name)).toMatchObject(MISSING);
      expect(room.forSend(name)).toMatchObject(MISSING);
    }
    expect(room.list(query({ after: "nothing" }))).toMatchObject(MISSING);
    expect(room.list(query({ before: "nothing" }))).toMatchObject(MISSING);
  }));

test("an alias is one template's, and no id", () =>
  inRoom((room) => {
    const { id } = done(room.create({ ...LEAST, alias: "welcome" }, NOW_MS));
    const other = done(room.create({ ...LEAST, alias: "other" }, NOW_MS));
    expect(room.create({ ...LEAST, alias: "welcome" }, NOW_MS)).toMatchObject(refusal("conflict", "`welcome`"));
    expect(room.update(other.id, { alias: "welcome" }, NOW_MS)).toMatchObject(refusal("conflict", "`welcome`"));
    done(room.update(id, { alias: "welcome", name: "Renamed" }, NOW_MS));
    for (const alias of [id, id.toUpperCase(), "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"])
      expect(room.create({ ...LEAST, alias }, NOW_MS)).toMatchObject(refusal("validation_error", "`alias`"));
    expect(room.update(id, { alias: other.id }, NOW_MS)).toMatchObject(refusal("validation_error", "`alias`"));
    expect(done(room.list(query())).data.map(({ alias, name }) => [alias, name])).toEqual([
      ["other", "Welcome"],
      ["welcome", "Renamed"],
    ]);
  }));

test("what is refused changes nothing", () =>
  inRoom((room, sql) => {
    const { id } = done(room.create(LEAST, NOW_MS));
    const before = sql.exec("SELECT * FROM template").toArray();
    const check = (fields: Partial<CreateTemplate>, code: ProblemCode, words: string) => {
      expect(room.create({ ...LEAST, ...fields }, NOW_MS)).toEqual(refusal(code, words));
      expect(room.update(id, fields, LATER_MS)).toEqual(refusal(code, words));
      expect(sql.exec("SELECT * FROM template").toArray()).toEqual(before);
    };
    check({ subject: "Hi\r\nBcc: a@b.test" }, "validation_error", "`subject`");
    check({ from: "nobody" }, "invalid_from_address", "`from`");
    check({ reply_to: "nobody" }, "validation_error", "`reply_to`");
    const twice = { key: "name", type: "string" } as const;
    check({ variables: [twice, twice] }, "validation_error", "`name`");
    check({ html: "a".repeat(500_000) }, "validation_error", "500000 characters");
    check({ html: "a".repeat(300_000), text: "a".repeat(300_000) }, "validation_error", "500000 characters");
    // Fewer than that, but six or three bytes each.
    const fallback_value = "\0".repeat(10_000);
    const variables = Array.from(
      { length: 50 },
      (_, at) => ({ key: `v${at}`, type: "string", fallback_value }) as const,
    );
    check({ variables }, "validation_error", "900000 bytes");
    check({ html: "あ".repeat(300_000) }, "validation_error", "900000 bytes");
    check(
      { reply_to: Array.from({ length: 100_000 }, (_, at) => `r${at}@shop.test`) },
      "validation_error",
      "900000 bytes",
    );
  }));

test("the largest template can be published, copied and listed", () =>
  inRoom((room, sql) => {
    const html = "あ".repeat(299_000);
    const { id } = done(room.create({ ...LEAST, html }, NOW_MS));
    done(room.publish(id, NOW_MS));
    expect(done(room.forSend(id)).html).toBe(html);
    done(room.duplicate(id, NOW_MS));
    expect(done(room.list(query())).data).toHaveLength(2);
    // Durable Objects allow a row 2 MB; the runtime of this test allows more.
    const sizes = sql.exec<{ bytes: number }>(
      "SELECT OCTET_LENGTH(draft || COALESCE(published, '')) AS bytes FROM template",
    );
    for (const { bytes } of sizes) expect(bytes).toBeLessThan(1_900_000);
  }));

test("lists go newest first, by pages in both directions", () =>
  inRoom((room) => {
    const ids = Array.from({ length: 5 }, (_, at) => done(room.create({ ...LEAST, name: `n${at}` }, NOW_MS)).id);
    const [first = "", second = "", third = "", fourth = "", fifth = ""] = ids;
    const check = (fields: object, expected: string[], has_more: boolean) => {
      const page = done(room.list(query(fields)));
      expect({ ...page, data: page.data.map(({ id }) => id) }).toEqual({ object: "list", has_more, data: expected });
    };
    check({}, [fifth, fourth, third, second, first], false);
    check({ limit: 2 }, [fifth, fourth], true);
    check({ limit: 2, after: fourth }, [third, second], true);
    check({ limit: 2, after: second }, [first], false);
    check({ limit: 5, after: first }, [], false);
    check({ limit: 2, before: first }, [third, second], true);
    check({ limit: 2, before: third }, [fifth, fourth], false);
    done(room.publish(third, LATER_MS));
    expect(done(room.list(query({ after: fourth, limit: 1 }))).data).toEqual([
      TemplateSummary.strict().parse({
        ...{ id: third, name: "n2", status: "published", alias: null },
        ...{ published_at: LATER, created_at: NOW, updated_at: NOW },
      }),
    ]);
  }));

test("a name of any characters is listed as it was written", () =>
  inRoom((room) => {
    const names = ["\0a", "a\0b", '"quoted" \\', "\ud83d\ude00", "\ud83d", "\u2028\r\n", "null", "1"];
    for (const name of names) done(room.create({ ...LEAST, name }, NOW_MS));
    expect(done(room.list(query())).data.map(({ name }) => name)).toEqual(names.toReversed());
  }));

test("an account has at most 1,000 templates", () =>
  inRoom((room) => {
    for (let made = 0; made < 1000; made++) done(room.create(LEAST, NOW_MS));
    expect(room.create(LEAST, NOW_MS)).toMatchObject(refusal("validation_error", "1000"));
    const [newest] = done(room.list(query({ limit: 1 }))).data;
    expect(room.duplicate(newest?.id ?? "", NOW_MS)).toMatchObject(refusal("validation_error", "1000"));
    done(room.remove(newest?.id ?? ""));
    done(room.create(LEAST, NOW_MS));
  }));

const Made = z.object({ id: z.string() });

/** Asks the API, which must say 200. */
const ask = async <T>({ token }: TestAccount, schema: z.ZodType<T>, method: string, path: string, body?: object) => {
  const answer = await call(method, path, { token, body });
  expect(answer).toMatchObject({ status: 200 });
  return schema.parse(answer.body);
};

test("an email keeps the content it was sent with, whatever becomes of its template", async () => {
  const account = await openAccount();
  const { id } = await ask(account, Made, "POST", "/v1/templates", {
    ...{ ...LEAST, alias: "kept", subject: "Hi {{name}}", from: "Shop <a@shop.test>" },
    variables: [{ key: "name", type: "string", fallback_value: "friend & all" }],
  });
  await ask(account, Made, "POST", "/v1/templates/kept/publish");
  const email = await sendEmail(account, {
    ...{ from: undefined, subject: undefined, text: undefined },
    template: { id: "kept" },
  });
  await ask(account, Made, "PATCH", `/v1/templates/${id}`, { html: "<p>Changed" });
  await ask(account, Made, "POST", `/v1/templates/${id}/publish`);
  await ask(account, Made, "DELETE", "/v1/templates/kept");
  expect(await ask(account, EmailDetail, "GET", `/v1/emails/${email}`)).toMatchObject({
    ...{ from: "Shop <a@shop.test>", subject: "Hi friend & all", html: "<p>Hello friend &amp; all</p>", text: null },
  });
});

test("emails of a template share its one part", async () => {
  const account = await openAccount();
  const { id } = await ask(account, Made, "POST", "/v1/templates", { ...LEAST, subject: "Hi" });
  await ask(account, Made, "POST", `/v1/templates/${id}/publish`);
  for (const name of ["Ada", "Bob"])
    await sendEmail(account, { subject: undefined, text: undefined, template: { id, variables: { name } } });
  expect(await sqlIn(account.stub, "SELECT COUNT(*) AS n FROM part")).toEqual([{ n: 1 }]);
});
