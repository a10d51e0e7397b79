/**
 * Where the public test suites lie: beside the repository. They are no part of it, so a test that does not find its
 * suite says so and is skipped.
 */
import { fileURLToPath } from "node:url";

export const vectorPath = (path: string): string =>
  fileURLToPath(new URL(`../../../../shared/vectors/${path}`, import.meta.url));
