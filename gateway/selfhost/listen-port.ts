/**
 * The gateway's port, settled before workerd is started: a free one for 0, and a clear answer when it is taken.
 *
 * Someone else may take it in between; workerd then says so itself.
 */
import { createServer } from "node:net";

export type PortAnswer = { kind: "free"; port: number } | { kind: "taken"; reason: string };

export const findPort = (host: string, port: number): Promise<PortAnswer> => {
  const { promise, resolve } = Promise.withResolvers<PortAnswer>();
  const server = createServer();
  server.once("error", (error) => resolve({ kind: "taken", reason: error.message }));
  server.listen({ host, port, exclusive: true }, () => {
    const address = server.address();
    const bound = typeof address === "object" && address !== null ? address.port : port;
    server.close(() => resolve({ kind: "free", port: bound }));
  });
  return promise;
};
