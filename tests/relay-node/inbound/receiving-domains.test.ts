/** Whose a domain is, as the gateway says: asked once a minute, never taken for "nobody" when it could not be asked. */
import { createServer, type Server } from "node:http";
import { afterEach, expect, test } from "vitest";
import { ReceivingDomains } from "../../../relay-node/inbound/receiving-domains.ts";

let server: Server | undefined;
afterEach(() => void server?.close());

/** `answers`: by domain, JSON of the gateway. Others are 503. */
const scene = async (answers: Record<string, string>) => {
  const asked: string[] = [];
  const listening = createServer((request, response) => {
    const domain = request.url?.split("/").at(-1) ?? "";
    asked.push(`${request.headers.authorization} ${domain}`);
    response.writeHead(answers[domain] === undefined ? 503 : 200).end(answers[domain]);
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  const clock = { nowMs: 0 };
  const port = typeof address === "object" && address ? address.port : 0;
  const options = { gatewayUrl: `http://127.0.0.1:${port}`, token: "hr_1", nowMs: () => clock.nowMs };
  return { domains: new ReceivingDomains(options), asked, clock };
};

test("a minute long, ten seconds for what is nobody's; those who ask at once share the question", async () => {
  const { domains, asked, clock } = await scene({ "a.test": '{"account":"one"}', "b.test": '{"account":null}' });
  const both = await Promise.all([domains.receiverOf("a.test"), domains.receiverOf("a.test")]);
  expect(both).toEqual([
    { kind: "account", account: "one" },
    { kind: "account", account: "one" },
  ]);
  expect(await domains.receiverOf("b.test")).toEqual({ kind: "nobody" });
  clock.nowMs = 9999;
  await domains.receiverOf("b.test");
  expect(asked).toEqual(["Bearer hr_1 a.test", "Bearer hr_1 b.test"]);
  clock.nowMs = 59_999;
  await Promise.all([domains.receiverOf("a.test"), domains.receiverOf("b.test")]);
  expect(asked.slice(2)).toEqual(["Bearer hr_1 b.test"]);
  clock.nowMs = 60_000;
  await domains.receiverOf("a.test");
  domains.forget("a.test");
  await domains.receiverOf("a.test");
  expect(asked).toHaveLength(5);
});

test("a domain that was just switched on is refused ten seconds at most; a gateway that is gone refuses nobody", async () => {
  const answers: Record<string, string> = { "new.test": '{"account":null}', "old.test": '{"account":"one"}' };
  const { domains, clock } = await scene(answers);
  for (const domain of ["new.test", "old.test"]) await domains.receiverOf(domain);
  answers["new.test"] = '{"account":"one"}';
  clock.nowMs = 10_000;
  expect(await domains.receiverOf("new.test")).toEqual({ kind: "account", account: "one" });
  delete answers["old.test"];
  clock.nowMs = 60_000;
  expect(await domains.receiverOf("old.test")).toEqual({ kind: "unknown" });
});

test("what could not be found out is not remembered", async () => {
  const answers: Record<string, string> = { "odd.test": "<html>" };
  const { domains } = await scene(answers);
  expect(await domains.receiverOf("down.test")).toEqual({ kind: "unknown" });
  expect(await domains.receiverOf("odd.test")).toEqual({ kind: "unknown" });
  answers["down.test"] = '{"account":"one"}';
  expect(await domains.receiverOf("down.test")).toEqual({ kind: "account", account: "one" });
});

test("names made up without end are asked for a few at a time", async () => {
  const { domains, asked } = await scene({});
  const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => domains.receiverOf(`${n}.test`)));
  expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(["unknown"]));
  expect(asked).toHaveLength(50);
});
