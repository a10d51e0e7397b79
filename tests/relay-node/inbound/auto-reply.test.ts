/** Automatic replies by their signs, and letters that only look like one. */
import { expect, test } from "vitest";
import { read } from "./inbound-scene.ts";

/** Header fields, one a line, of a mail from this sender → whether it is an automatic reply. */
const check = async (fields: string, mailFrom: string, expected: "auto-reply" | "other"): Promise<void> => {
  const mail = `From: Bob <bob@example.net>\r\n${fields.replaceAll("\n", "\r\n")}\r\n\r\nHello.\r\n`;
  expect((await read(mail, mailFrom)).kind, `${fields} (${mailFrom})`).toBe(expected);
};

const BOB = "bob@example.net";

test("fields that only automatic replies have", async () => {
  for (const field of [
    "Auto-Submitted: auto-replied",
    "AUTO-SUBMITTED: Auto-Replied (vacation)",
    "Auto-Submitted: auto-notified; owner-email=bob@example.net",
    "X-Autoreply: yes",
    "X-Autorespond: Re: order",
    "X-Autoresponder: v1",
    "X-AutoReply-From: bob@example.net",
    "X-Mail-Autoreply: x",
    "X-Vacation: yes",
    "Precedence: auto_reply",
    "X-Precedence: auto_reply",
    "Delivered-To: Autoresponder",
    "X-POST-MessageClass: 9; Autoresponder",
    "X-MS-Exchange-Inbox-Rules-Loop: bob@example.net",
  ])
    await check(`Subject: Re: Your order\n${field}`, BOB, "auto-reply");
});

test("fields that say nothing by themselves", async () => {
  for (const field of [
    "Auto-Submitted: no",
    "Auto-Submitted: auto-generated",
    "X-Autoreply: no",
    "X-Auto-Response-Suppress: All",
    "Precedence: bulk",
    "Precedence: list",
    "Delivered-To: bob@example.net",
    "X-Autoreply:",
  ])
    await check(`Subject: Re: Your order\n${field}`, BOB, "other");
});

test("a subject counts with a second sign only", async () => {
  for (const subject of [
    "Automatic reply: Your order",
    "Out of Office: Your order",
    "Re: Autoreply: order",
    "Auto: Your order",
    "Abwesenheitsnotiz: Bestellung",
    "Automatische Antwort: Bestellung",
    "Réponse automatique : commande",
    "Respuesta automática: pedido",
    "Risposta automatica: ordine",
    "Автоответ: заказ",
    "自動返信: 注文",
  ]) {
    await check(`Subject: ${subject}`, BOB, "other");
    await check(`Subject: ${subject}`, "", "auto-reply");
    for (const sign of ["X-Auto-Response-Suppress: All", "Precedence: junk", "Auto-Submitted: auto-generated"])
      await check(`Subject: ${subject}\n${sign}`, BOB, "auto-reply");
    await check(`Subject: ${subject}\nPrecedence: bulk\nList-Id: <x.example.net>`, "", "other");
    await check(`Subject: ${subject}\nPrecedence: bulk\nList-Unsubscribe: <https://example.net/>`, "", "other");
  }
  await check("Subject: Your automatic reply", "", "other");
  await check("Subject: Autobahn", "", "other");
});
