/**
 * `npm run wizard`: the wizard alone, on Node, for who runs it on this machine.
 *
 * `HIKYAKU_WIZARD_PORT` (8790), `HIKYAKU_DOH_URL` (one or more, with commas between; else the system's DNS servers),
 * `HIKYAKU_ALLOW_PRIVATE` (1: what a zone names may be on a private network; else only public hosts are visited). It
 * answers on loopback, to names of loopback only, so that no page elsewhere can reach it under a name of its own.
 */
import { getServers } from "node:dns";
import { createServer, type IncomingMessage } from "node:http";
import process from "node:process";
import { dohResolver } from "#resolvers/doh.ts";
import { isPublicAddress, isPublicHost } from "#resolvers/public-host.ts";
import { parseDnsServer, udpResolver } from "#resolvers/udp.ts";
import { wizardApp } from "./app.ts";
import { publishByUpdate } from "./dns-update-form.ts";
import type { View } from "./propagation.ts";
import { MOST_UPLOAD_BYTES } from "./reports-routes.ts";
import { tooLongPage } from "./too-long-page.ts";

const LOOK_UP_MS = 4_000;
const HOST = "127.0.0.1";
const DNS_PORT = 53;

const { HIKYAKU_WIZARD_PORT = "8790", HIKYAKU_DOH_URL = "", HIKYAKU_ALLOW_PRIVATE = "0" } = process.env;
const isPrivateAllowed = HIKYAKU_ALLOW_PRIVATE === "1";
const urls = HIKYAKU_DOH_URL.split(",")
  .map((url) => url.trim())
  .filter((url) => url !== "");
const servers = getServers().flatMap((server) => parseDnsServer(server) ?? []);
const resolve =
  urls.length > 0 ? dohResolver({ urls, timeoutMs: LOOK_UP_MS }) : udpResolver({ servers, timeoutMs: LOOK_UP_MS });
const views: View[] =
  urls.length > 0
    ? urls.map((url) => ({
        name: URL.parse(url)?.host ?? url,
        resolve: dohResolver({ urls: [url], timeoutMs: LOOK_UP_MS }),
      }))
    : servers.map((server) => ({
        name: server.address,
        resolve: udpResolver({ servers: [server], timeoutMs: LOOK_UP_MS }),
      }));
const app = wizardApp({
  resolve,
  views,
  toServer: (address) =>
    isPrivateAllowed || isPublicAddress(address)
      ? udpResolver({ servers: [{ address, port: DNS_PORT }], timeoutMs: LOOK_UP_MS })
      : undefined,
  ...(!isPrivateAllowed && { isPublicHost }),
  update: (changes, typed) => publishByUpdate(changes, typed, Math.floor(Date.now() / 1_000)),
});

const PASSED_ON = ["accept", "content-type", "origin", "sec-fetch-site"] as const;

const respond = async (incoming: IncomingMessage): Promise<Response> => {
  const { method = "", url = "/", headers } = incoming;
  const isRead = method === "GET" || method === "HEAD";
  if (!isRead && method !== "POST") return new Response(null, { status: 405, headers: { allow: "GET, HEAD, POST" } });
  const { host = "" } = headers;
  if (!/^(127\.0\.0\.1|localhost)(:\d{1,5})?$/.test(host)) return new Response(null, { status: 421 });
  const body = isRead ? undefined : await readBody(incoming);
  // What is left of it would be read for the next request.
  if (!isRead && body === undefined) return new Response(null, { status: 413, headers: { connection: "close" } });
  const passed = PASSED_ON.flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === "string" ? [[name, value]] : [];
  });
  const path = url.startsWith("/") ? url : "/";
  return app.fetch(new Request(`http://${host}${path}`, { method, headers: passed, ...(body && { body }) }));
};

/** `undefined`: it is longer than any form of ours, and the rest was not read. */
const readBody = async (incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  if (Number(incoming.headers["content-length"] ?? 0) > MOST_UPLOAD_BYTES) return undefined;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of incoming) {
    if (!(chunk instanceof Uint8Array) || (sizeBytes += chunk.length) > MOST_UPLOAD_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
};

const TOO_LONG = await tooLongPage();
const server = createServer((request, response) => {
  respond(request)
    .then(async (answer) => {
      const body = new Uint8Array(await answer.arrayBuffer());
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(body);
    })
    .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
});
server.on("clientError", (error, socket) => {
  if (!socket.writable) return;
  const isTooLong = "code" in error && error.code === "HPE_HEADER_OVERFLOW";
  socket.end(isTooLong ? TOO_LONG : "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
});
server.on("error", (error) => {
  process.stderr.write(`wizard: ${error.message}\n`);
  process.exitCode = 1;
});
const port = Number(HIKYAKU_WIZARD_PORT);
if (/^\d{1,5}$/.test(HIKYAKU_WIZARD_PORT) && port < 65_536)
  server.listen(port, HOST, () => {
    const address = server.address();
    if (typeof address === "object" && address !== null)
      process.stdout.write(`The wizard is at http://${HOST}:${address.port}/\n`);
  });
else {
  process.stderr.write("wizard: HIKYAKU_WIZARD_PORT is a port, 0 to 65535; 0 is any that is free\n");
  process.exitCode = 2;
}
