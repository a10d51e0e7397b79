/** Each test file of this folder's vitest.config.ts runs on Deno, or not at all: Node in its place would prove nothing. */
if (!("Deno" in globalThis)) throw new Error("this is not Deno");
