/** Which TLSA records senders of mail can use. */
import { expect, test } from "vitest";
import { formatTlsa, tlsaProblem } from "#dns/dane.ts";

const check = (parameters: [number, number, number], octets: number, problem: string | undefined): void =>
  test(`${parameters.join(" ")} with ${octets} octets`, () => {
    const [usage, selector, matchingType] = parameters;
    const found = tlsaProblem({ usage, selector, matchingType, certificate: new Uint8Array(octets) });
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(problem);
  });

check([3, 1, 1], 32, undefined);
check([2, 0, 2], 64, undefined);
check([2, 0, 0], 1200, undefined);
check([0, 1, 1], 32, "usage is 0, which is for web servers");
check([1, 0, 1], 32, "usage is 1");
check([4, 1, 1], 32, "usage is 4, and there are only 2 and 3");
check([3, 2, 1], 32, "selector is 2");
check([3, 1, 3], 32, "matching type is 3");
check([3, 1, 1], 31, "it has 31 octets where 32 belong");
check([3, 1, 2], 32, "it has 32 octets where 64 belong");
check([3, 1, 0], 0, "it has 0 octets where those of a certificate belong");

test("as text", () => {
  const certificate = Uint8Array.of(0x00, 0xc0, 0xff);
  expect(formatTlsa({ usage: 3, selector: 1, matchingType: 1, certificate })).toBe("3 1 1 00c0ff");
});
