/** Private keys as people paste them by mistake, made for the run: each as a file, and what can be left of one. */
import { generateKeyPairSync } from "node:crypto";

const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength }).privateKey;
const ed25519 = generateKeyPairSync("ed25519").privateKey;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const [small, usual] = [rsa(1024), rsa(2048)];

const pems = [
  ...[small, usual].flatMap((key) => (["pkcs1", "pkcs8"] as const).map((type) => key.export({ type, format: "pem" }))),
  ed25519.export({ type: "pkcs8", format: "pem" }),
  ec.export({ type: "sec1", format: "pem" }),
  usual.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }),
].map(String);

/** Without the lines that say what it is. */
const bare = (pem: string): string => pem.replaceAll(/-----[A-Z ]+-----/g, "").trim();

export const PRIVATE_KEYS: readonly string[] = [
  ...pems,
  // What is encrypted shows nothing but its words.
  ...pems.slice(0, -1).map(bare),
  `v=DKIM1; p=${bare(pems[1] ?? "").replaceAll(/\s/g, "")}`,
  JSON.stringify(usual.export({ format: "jwk" })),
  "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 14\nAAAA",
];
