/**
 * Keys of every algorithm against a real Knot: it does what is signed by the one that it knows, and by no other; its
 * answer is taken for signed.
 */
import { describe, expect, test } from "vitest";
import { txtRecord as txt, type Change } from "#dns/zone.ts";
import { publish, type Publication } from "#resolvers/dns-update.ts";
import { TSIG_ALGORITHMS, type TsigKey } from "#resolvers/tsig.ts";
import { knotd, startKnot } from "../support/knot.ts";

const ZONE = ["$TTL 300", "@ SOA ns hostmaster 1 3600 600 86400 60", "@ NS ns", "ns A 127.0.0.1", ""].join("\n");
const CHANGE: Change = { kind: "add", purpose: "SPF", to: txt("new.test", "x"), beside: [] };

describe.skipIf(knotd === undefined)("a real Knot", () => {
  for (const algorithm of TSIG_ALGORITHMS)
    test(algorithm, async () => {
      const key: TsigKey = {
        name: "writer.key",
        algorithm,
        secretBase64: Buffer.alloc(64, 7).toString("base64"),
      };
      const knot = await startKnot(ZONE, [key]);
      const send = (by: TsigKey): Promise<Publication> =>
        publish([CHANGE], {
          ...{ zone: "test", server: { address: "127.0.0.1", port: knot.port }, key: by },
          ...{ nowSeconds: Math.floor(Date.now() / 1000), timeoutMs: 5_000 },
        });
      try {
        const another = TSIG_ALGORITHMS.find((one) => one !== algorithm) ?? algorithm;
        expect(await send({ ...key, algorithm: another })).toMatchObject({ kind: "refused", rcode: 9 });
        expect(await knot.resolve("new.test", "TXT")).toEqual({ kind: "nxdomain" });
        expect(await send(key)).toEqual({ kind: "done" });
        expect((await knot.resolve("new.test", "TXT")).kind).toBe("records");
      } finally {
        await knot.stop();
      }
    });
});
