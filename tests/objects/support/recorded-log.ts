/**
 * The gateway's log lines of a test, kept instead of printed. Objects run in the test's own isolate, so its
 * console is theirs.
 */
import { afterEach, beforeEach, vi } from "vitest";

/** The lines logged since the running test began. To be called once, at the top of a test file. */
export const recordLog = (): readonly string[] => {
  const lines: string[] = [];
  beforeEach(() => {
    lines.length = 0;
    for (const level of ["info", "warn", "error"] as const)
      vi.spyOn(console, level).mockImplementation((line: unknown) => void lines.push(String(line)));
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return lines;
};
