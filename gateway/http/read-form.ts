/**
 * Reads a small form, in either coding that browsers and mailbox providers post (RFC 8058 §3.2), within a limit.
 *
 * The coding is that of `content-type`; what is too long, or no form, is `undefined`. Files in it are as if not there.
 */
const LIMIT_BYTES = 8 * 1024;

export const readForm = async (request: Request): Promise<Map<string, string> | undefined> => {
  const bytes = await readBytes(request);
  if (!bytes) return undefined;
  try {
    const headers = { "content-type": request.headers.get("content-type") ?? "" };
    const fields = new Map<string, string>();
    for (const [name, value] of await new Response(bytes, { headers }).formData())
      if (typeof value === "string") fields.set(name, value);
    return fields;
  } catch {
    // Not a form, or a broken one: the runtime says no more.
    return undefined;
  }
};

const readBytes = async (request: Request): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  const bytes = new Uint8Array(LIMIT_BYTES);
  let size = 0;
  for await (const chunk of request.body ?? []) {
    if (size + chunk.byteLength > LIMIT_BYTES) return undefined;
    bytes.set(chunk, size);
    size += chunk.byteLength;
  }
  return bytes.slice(0, size);
};
