/**
 * `hikyaku dkim new`: a key pair, the private half for the signer and the record for the zone.
 *
 * The private key goes to stdout or, with `--out`, into a new file that only its owner reads; an old file is not
 * written over.
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { formatRecord } from "#dns/export/zone-file.ts";
import { formatKeyPair, keyParameters } from "#dns/keygen.ts";
import { txtRecord } from "#dns/zone.ts";
import { domainArgument } from "./dns-options.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

export type KeyOptions = {
  ed25519?: boolean;
  bits?: string;
  domain?: string;
  selector?: string;
  out?: string;
  json?: boolean;
};

const RSA_BITS = ["2048", "3072", "4096"];

export const newKey = async (options: KeyOptions, around: Surroundings): Promise<Exit> => {
  const { ed25519 = false, bits = "2048", selector = "s1", domain } = options;
  // RFC 8301 §3.2: at least 1024 bits; providers ask for 2048, and verifiers need not take more than 4096.
  if (!RSA_BITS.includes(bits)) throw new WrongUse(`--bits is one of ${RSA_BITS.join(", ")}`);
  const name = `${domainArgument(selector, "selector")}._domainkey.${domain === undefined ? "example.com" : domainArgument(domain)}`;
  const parameters = keyParameters(ed25519 ? "ed25519-sha256" : "rsa-sha256", Number(bits));
  const made = await crypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
  if (!("privateKey" in made)) throw new Error("generateKey gave no pair");
  const { algorithm, privateKeyPem, record, strings } = await formatKeyPair(made);
  if (options.out !== undefined) save(resolve(around.cwd, options.out), privateKeyPem);
  if (options.json === true) {
    const hidden = options.out === undefined ? { private_key: privateKeyPem } : { private_key_file: options.out };
    around.out(JSON.stringify({ algorithm, name, record, strings, ...hidden }));
    return EXIT.done;
  }
  if (options.out === undefined) around.out(privateKeyPem);
  else around.err(`the private key is in ${options.out}`);
  around.err("publish one TXT record:");
  around.out(formatRecord(txtRecord(name, record)));
  return EXIT.done;
};

const save = (path: string, pem: string): void => {
  try {
    writeFileSync(path, pem, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new WrongUse(`${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
};
