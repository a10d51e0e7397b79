/** What becomes of a name's DMARC records when a policy is wished. */
import { expect, test } from "vitest";
import { mergeDmarc, type DmarcWish } from "#dns/dmarc-merge.ts";

const RUA = "mailto:dmarc@relay.test";
const check = (found: string[], wish: DmarcWish, expected: string): void => {
  test(`${found.join(" | ") || "none"}, ${wish.policy} ${wish.rua ?? ""}`, () => {
    expect(mergeDmarc(found, wish)).toBe(expected);
    expect(mergeDmarc([expected], wish)).toBe(expected);
  });
};

check([], { policy: "none" }, "v=DMARC1; p=none");
check([], { policy: "reject", rua: RUA }, `v=DMARC1; p=reject; rua=${RUA}`);
// At least as strict: as it is, whatever else it says and however it is written.
check(["v=DMARC1; p=none"], { policy: "none" }, "v=DMARC1; p=none");
check(["v=DMARC1;p=reject ;pct=50;;"], { policy: "quarantine" }, "v=DMARC1;p=reject ;pct=50;;");
check(
  ["v=DMARC1; rua=mailto:a@d.test; p=quarantine"],
  { policy: "none" },
  "v=DMARC1; rua=mailto:a@d.test; p=quarantine",
);
check(["v=DMARC1; p=reject; t=y"], { policy: "reject" }, "v=DMARC1; p=reject; t=y");
check(["v=DMARC1; p = quarantine"], { policy: "quarantine" }, "v=DMARC1; p = quarantine");
// Too mild: that tag and no other.
check(["v=DMARC1; p=none"], { policy: "quarantine" }, "v=DMARC1; p=quarantine");
check(
  ["v=DMARC1;rua=mailto:a@d.test;  p = quarantine ;sp=none; np=reject;"],
  { policy: "reject" },
  "v=DMARC1;rua=mailto:a@d.test;  p=reject;sp=none; np=reject;",
);
check(["v=DMARC1; rua=mailto:a@d.test"], { policy: "none" }, "v=DMARC1; p=none; rua=mailto:a@d.test");
check(["v=DMARC1; p=block; x=y"], { policy: "none" }, "v=DMARC1; p=none; x=y");
check(["v=DMARC1; p=; x=y"], { policy: "none" }, "v=DMARC1; p=none; x=y");
check(["v=DMARC1; p; x=y"], { policy: "none" }, "v=DMARC1; p=none; x=y");
check(["v=DMARC1"], { policy: "reject" }, "v=DMARC1; p=reject");
check(["v=DMARC1;"], { policy: "reject" }, "v=DMARC1; p=reject;");
// Reports.
check(
  [`v=DMARC1; p=none; rua=mailto:a@d.test, ${RUA.toUpperCase()}`],
  { policy: "none", rua: RUA },
  `v=DMARC1; p=none; rua=mailto:a@d.test, ${RUA.toUpperCase()}`,
);
check(
  ["v=DMARC1; p=none; rua=mailto:a@d.test; fo=1"],
  { policy: "none", rua: RUA },
  `v=DMARC1; p=none; rua=mailto:a@d.test,${RUA}; fo=1`,
);
check(["v=DMARC1; p=reject; rua="], { policy: "none", rua: RUA }, `v=DMARC1; p=reject; rua=${RUA}`);
check(["v=DMARC1; p=reject; "], { policy: "none", rua: RUA }, `v=DMARC1; p=reject; rua=${RUA}; `);
check(
  ["v=DMARC1; p=none; ruf=mailto:a@d.test"],
  { policy: "reject", rua: RUA },
  `v=DMARC1; p=reject; ruf=mailto:a@d.test; rua=${RUA}`,
);
// A tag that is there twice.
check(["v=DMARC1; p=reject; p=none"], { policy: "quarantine" }, "v=DMARC1; p=reject");
check(["v=DMARC1; p=none; v=DMARC1; p=reject"], { policy: "quarantine" }, "v=DMARC1; p=quarantine");
// Several: the one that fits goes on; when none does, the first.
check(["v=DMARC1; p=none", "v=DMARC1; p=reject; fo=1"], { policy: "quarantine" }, "v=DMARC1; p=reject; fo=1");
check(["v=DMARC1; p=none; fo=1", "v=DMARC1; p=none"], { policy: "reject" }, "v=DMARC1; p=reject; fo=1");
