/**
 * `npm run wizard`: the wizard alone, on Node, for this machine.
 *
 * `HIKYAKU_WIZARD_PORT` (8790), `HIKYAKU_DOH_URL` (one or more, with commas between; else the system's DNS servers).
 */
import { getServers } from "node:dns";
import { createServer, type IncomingMessage } from "node:http";
import process from "node:process";
import { dohResolver } from "#resolvers/doh.ts";
import { parseDnsServer, udpResolver } from "#resolvers/udp.ts";
import { wizardApp } from "./app.ts";

const LOOK_UP_MS = 4_000;
const HOST = "127.0.0.1";

const { HIKYAKU_WIZARD_PORT = "8790", HIKYAKU_DOH_URL = "" } = process.env;
const urls = HIKYAKU_DOH_URL.split(",")
  .map((url) => url.trim())
  .filter((url) => url !== "");
const servers = getServers().flatMap((server) => parseDnsServer(server) ?? []);
const resolve =
  urls.length > 0 ? dohResolver({ urls, timeoutMs: LOOK_UP_MS }) : udpResolver({ servers, timeoutMs: LOOK_UP_MS });
const app = wizardApp({ resolve });

/** Pages are only read: no other method is answered, and no body looked at. */
const respond = async ({ method = "", url = "/", headers }: IncomingMessage): Promise<Response> => {
  if (method !== "GET" && method !== "HEAD")
    return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  const path = url.startsWith("/") ? url : "/";
  return app.fetch(new Request(`http://${HOST}${path}`, { method, headers: { accept: headers.accept ?? "" } }));
};

const server = createServer((request, response) => {
  respond(request)
    .then(async (answer) => {
      const body = new Uint8Array(await answer.arrayBuffer());
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(body);
    })
    .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
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
