/**
 * The status codes that the words of a bounce quote: the enhanced code (RFC 3463) and the reply code (RFC 5321 §4.2).
 *
 * Numbers stand all over such texts (addresses, versions, ports, times), so each must stand where a code stands; the
 * surest form wins: both codes together, then an enhanced code, then a reply code. It does not interpret them.
 */

export type QuotedStatus = { status?: string; code?: number };

/** RFC 3463 §2; subjects above 7 are none (§3), but details grow. */
const ENHANCED = String.raw`[245]\.[0-7]\.\d{1,3}(?![\d.])`;

/** `550 5.1.1`, `550-5.1.1`, `550 #5.1.1`. */
const BOTH = new RegExp(String.raw`(?<![\d.])([245]\d\d)[ -]{1,2}[#(<]{0,2}(${ENHANCED})`);
/** Not the number of a version or a section. */
const ALONE = new RegExp(String.raw`(?<![\d.a-z/@-]|\b(?:version|section|paragraph|rule) )(${ENHANCED})`, "i");
/** At the start of a line, behind a mark, or behind a word that announces it. */
const CODE =
  /(?:^|[:;'"#(<>[]|\b(?:code|error|reply|status|said|returned|response|with))[ \t'"#(:]{0,4}([45][0-7]\d)(?=[ \t\-'":;)\]]|$)/im;

/** Characters that are looked at: a reply of a server is in its first words. */
const TEXT_LIMIT = 8000;

export const findStatus = (text: string): QuotedStatus => {
  const looked = text.slice(0, TEXT_LIMIT);
  const both = BOTH.exec(looked);
  if (both?.[1] !== undefined && both[2] !== undefined) return { status: both[2], code: Number(both[1]) };
  const status = ALONE.exec(looked)?.[1];
  const code = CODE.exec(looked)?.[1];
  return {
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code: Number(code) }),
  };
};
