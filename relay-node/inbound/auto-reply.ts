/**
 * Replies that a machine gave: out of office, "we got your mail", challenges (RFC 3834).
 *
 * The header fields decide; the subject is the last sign, and only together with a sender or a Precedence that a
 * person would not have. Whoever asks has ruled out bounces first: many of those call themselves auto-replied too.
 */
import { type InboundMail, isFromMachine } from "./inbound-mail.ts";

/** Fields that are only in automatic replies, with the values that say so. */
const SIGNS: readonly (readonly [name: string, value: RegExp])[] = [
  // RFC 3834 §5.
  ["auto-submitted", /^auto-(?:replied|notified)\b/i],
  ["x-autoreply", /^(?!no\b|false\b)./i],
  ["x-autorespond", /./],
  ["x-autoresponder", /./],
  ["x-autoreply-from", /./],
  ["x-mail-autoreply", /./],
  ["x-vacation", /./],
  ["precedence", /^auto_reply$/i],
  ["x-precedence", /^auto_reply$/i],
  ["delivered-to", /^autoresponder$/i],
  ["x-post-messageclass", /^9;\s*autoresponder/i],
  ["x-ms-exchange-inbox-rules-loop", /./],
];

/** Subjects of absence notes, at their start, in the languages that mail programs write. */
const SUBJECT =
  /^(?:(?:re|aw|sv|antw)\s*:\s*)?(?:auto(?:matic|mated|matisch)?[ -]?(?:reply|response|antwort)|auto ?:|auto ?re ?:|out of (?:the )?office|vacation|away from|abwesend|abwesenheit|automatische (?:antwort|abwesenheitsnotiz)|automatisch antwoord|afwezig|réponse automatique|absence du bureau|respuesta automática|fuera de (?:la )?oficina|risposta automatica|fuori sede|resposta automática|ausência|automaattinen vastaus|autosvar|automatické odpov|odpowiedź automatyczna|автоответ|автоматический ответ|自動(?:返信|応答)|自动(?:回复|答复))/iu;

export const isAutoReply = (mail: InboundMail): boolean => {
  const { headers, subject } = mail;
  if (SIGNS.some(([name, value]) => value.test(headers.get(name) ?? ""))) return true;
  // Lists and newsletters have their own signs, and write of absences too.
  if (headers.has("list-id") || headers.has("list-unsubscribe") || !SUBJECT.test(subject)) return false;
  // RFC 3834 §3.3: a null sender is for what must not be answered. Exchange suppresses answers to its own notes.
  return (
    isFromMachine(mail) ||
    headers.has("x-auto-response-suppress") ||
    /^(?:bulk|junk)$/i.test(headers.get("precedence") ?? "") ||
    /^auto-generated\b/i.test(headers.get("auto-submitted") ?? "")
  );
};
