/**
 * One log line of the gateway: a JSON object with an event word and ids. Never bodies, recipients or keys.
 */
export const logEvent = (
  level: "info" | "warn" | "error",
  event: string,
  fields: Record<string, string | number | undefined>,
): void => {
  // workerd tells levels apart by the method: `info` goes to stdout, the others to stderr.
  console[level](JSON.stringify({ event, ...fields }));
};
