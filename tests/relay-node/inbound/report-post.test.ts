/** Reports on their way to a gateway that answers, does not, or answers nonsense; many at once; bounded. */
import { createServer } from "node:http";
import { expect, test } from "vitest";
import { type InboundReport, InboundReports, REPORTS_A_POST } from "#contract/inbound.ts";
import { ReportPost } from "../../../relay-node/inbound/report-post.ts";
import { atEnd, SILENT } from "../delivery/relay-scene.ts";

const report = (at: number, diagnostic = ""): InboundReport => ({
  recipient: `r${at}@bounce.test`,
  report: {
    ...{ kind: "bounce", format: "rfc3464", original_headers: {} },
    recipients: [{ action: "failed", diagnostic }],
  },
});

type Answer = { status: number; body: string } | "silence";

const scene = async (answer: (reports: InboundReport[]) => Answer) => {
  const posts: InboundReport[][] = [];
  const tokens = new Set<string | undefined>();
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const { reports } = InboundReports.parse(JSON.parse(text));
      posts.push(reports);
      tokens.add(`${request.method} ${request.url} ${request.headers.authorization}`);
      const reply = answer(reports);
      if (reply !== "silence") response.writeHead(reply.status).end(reply.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return { posts, tokens, server, post: new ReportPost(`http://127.0.0.1:${port}`, "hr_token", SILENT) };
};

/** The verdict says which report it is of. */
const inOrder = (reports: InboundReport[]): Answer => ({
  status: 200,
  body: JSON.stringify({
    verdicts: reports.map(({ recipient }) => (recipient === "r7@bounce.test" ? "known" : "recorded")),
  }),
});

test("many at once go in few posts, and each hears its own verdict", async () => {
  const { post, posts, tokens } = await scene(inOrder);
  const told = await Promise.all(Array.from({ length: 250 }, (_, at) => post.tell(report(at))));
  expect(told.map((verdict, at) => (verdict === "known" ? at : -1)).filter((at) => at >= 0)).toEqual([7]);
  expect(posts.length).toBeLessThanOrEqual(4);
  expect(Math.max(...posts.map(({ length }) => length))).toBe(REPORTS_A_POST);
  expect([...tokens]).toEqual(["POST /relay/inbound/reports Bearer hr_token"]);
});

test("one that comes alone goes at once; later ones too", async () => {
  const { post, posts } = await scene(inOrder);
  expect(await post.tell(report(1))).toBe("recorded");
  expect(await post.tell(report(7))).toBe("known");
  expect(posts).toHaveLength(2);
});

test("what cannot be told now is unavailable, and the next is tried anew", async () => {
  let answer: Answer = { status: 503, body: "{}" };
  const { post } = await scene((reports) => (answer === "silence" ? inOrder(reports) : answer));
  expect(await post.tell(report(1))).toBe("unavailable");
  answer = { status: 200, body: "no JSON" };
  expect(await post.tell(report(1))).toBe("unavailable");
  answer = { status: 200, body: '{"verdicts":["splendid"]}' };
  expect(await post.tell(report(1))).toBe("unavailable");
  answer = { status: 200, body: '{"verdicts":[]}' };
  expect(await post.tell(report(1))).toBe("unavailable");
  answer = "silence";
  expect(await post.tell(report(1))).toBe("recorded");
  expect(await new ReportPost("http://127.0.0.1:1", "hr_token", SILENT).tell(report(1))).toBe("unavailable");
});

test("a gateway that is silent: what waits is bounded", async () => {
  const { post } = await scene(() => "silence");
  const long = "x".repeat(2000);
  const large = (): InboundReport => ({
    recipient: "r@bounce.test",
    report: {
      ...report(1).report,
      kind: "bounce",
      format: "x",
      recipients: Array.from({ length: 100 }, () => ({
        action: "failed" as const,
        diagnostic: long,
        remote_mta: long,
      })),
    },
  });
  let refused = 0;
  for (let at = 0; at < 100; at++)
    void post.tell(large()).then((verdict) => (refused += verdict === "unavailable" ? 1 : 0));
  await expect.poll(() => refused).toBeGreaterThan(50);
});
