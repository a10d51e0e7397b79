/** The transcript's form and its bounds. */
import { expect, test } from "vitest";
import { Transcript } from "../../../relay-node/smtp/transcript.ts";

test("lines of both sides, taken once", () => {
  const transcript = new Transcript();
  transcript.client("EHLO a");
  transcript.server(["250-b", "250 SIZE"]);
  expect(transcript.take()).toEqual(["C: EHLO a", "S: 250-b", "S: 250 SIZE"]);
  expect(transcript.take()).toEqual([]);
});

test("bounded in lines and characters", () => {
  const transcript = new Transcript();
  transcript.client("x".repeat(501));
  for (let i = 0; i < 1000; i++) transcript.server(["250 y"]);
  const lines = transcript.take();
  expect(lines[0]).toBe(`C: ${"x".repeat(500)}…`);
  expect(lines).toHaveLength(201);
  expect(lines.at(-1)).toBe("… (more lines are not kept)");
});
