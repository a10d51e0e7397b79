/**
 * The DKIM keys of a domain opened for a relay that is to sign with them.
 */
import type { SigningKeys } from "#contract/relay-protocol.ts";
import { sealingKey, unseal } from "#contract/sealed.ts";
import type { SealedSigner } from "./domain-row.ts";

/** Throws when one does not open: it was sealed under another master key. */
export const openSigners = async (
  masterKey: string,
  domain: string,
  sealedSigners: readonly SealedSigner[],
): Promise<SigningKeys["signers"]> => {
  const key = await sealingKey(masterKey, "dkim-at-rest");
  const signers: SigningKeys["signers"] = [];
  for (const { selector, algorithm, sealed } of sealedSigners) {
    const plain = await unseal(key, sealed);
    // Unsigned mail must never leave in silence: the relay keeps it until the operator mends the master key.
    if (plain.kind === "unreadable")
      throw new Error(`the DKIM key ${selector}._domainkey.${domain} does not open with this master key`);
    signers.push({ selector, algorithm, private_key: plain.text });
  }
  return signers;
};
