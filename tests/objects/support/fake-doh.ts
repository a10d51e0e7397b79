/**
 * The DNS that the gateway's objects ask, as a zone given as data, in place of the network's `fetch`. Wire format both
 * ways (RFC 8484), so all of the gateway's own resolver is at work.
 */
import { decode, encode, type Answer, type Packet } from "dns-packet";
import { afterEach, beforeEach, vi } from "vitest";

export type FakeName = { mx?: string[]; txt?: string[]; a?: string[]; cname?: string } | "servfail";

export type FakeDoh = {
  zone: Record<string, FakeName>;
  /** Names asked for, `TXT shop.test`, since the running test began. */
  questions: string[];
  /** No answer before it is kept. */
  held: Promise<void>;
};

/** To be called once, at the top of a test file. */
export const fakeDoh = (): FakeDoh => {
  const doh: FakeDoh = { zone: {}, questions: [], held: Promise.resolve() };
  beforeEach(() => {
    Object.assign(doh, { zone: {}, held: Promise.resolve() });
    doh.questions.length = 0;
    vi.spyOn(globalThis, "fetch").mockImplementation(async (_, init) => {
      if (!(init?.body instanceof Uint8Array)) throw new Error("the objects fetch nothing but the DNS");
      const query = decode(Buffer.from(init.body));
      await doh.held;
      const reply = new Uint8Array(encode(answer(doh, query)));
      return new Response(reply, { headers: { "content-type": "application/dns-message" } });
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return doh;
};

const RESPONSE = 0x8180;
const SERVFAIL = 2;
const NXDOMAIN = 3;

const answer = ({ zone, questions }: FakeDoh, { id = 0, questions: asked = [] }: Packet): Packet => {
  const [question] = asked;
  if (!question) throw new Error("a question of nothing");
  const name = question.name.toLowerCase();
  questions.push(`${question.type} ${name}`);
  const entry = zone[name];
  const isAbove = Object.keys(zone).some((known) => known.endsWith(`.${name}`));
  const code = entry === "servfail" ? SERVFAIL : entry === undefined && !isAbove ? NXDOMAIN : 0;
  const answers = typeof entry === "object" ? answersOf(name, question.type, entry) : [];
  return { type: "response", id, flags: RESPONSE | code, questions: asked, answers };
};

const answersOf = (
  name: string,
  type: string,
  { mx = [], txt = [], a = [], cname }: Exclude<FakeName, string>,
): Answer[] => {
  if (type === "MX") return mx.map((exchange) => ({ type, name, ttl: 60, data: { preference: 10, exchange } }));
  // RFC 1035 §3.3.14: strings of 255 octets at most.
  if (type === "TXT") return txt.map((text) => ({ type, name, ttl: 60, data: text.match(/.{1,255}/g) ?? [""] }));
  if (type === "CNAME" && cname !== undefined) return [{ type, name, ttl: 60, data: cname }];
  return type === "A" ? a.map((data) => ({ type, name, ttl: 60, data })) : [];
};
