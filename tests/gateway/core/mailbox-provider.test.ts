/** Whose mailbox it is: by the host that was spoken to, then by the recipient's domain, else `other`. */
import { expect, test } from "vitest";
import { providerOf } from "../../../gateway/core/mailbox-provider.ts";

const check = (domain: string, host: string | undefined, expected: string): void =>
  expect(providerOf(domain, host), `${domain} at ${host}`).toBe(expected);

test("a hosted domain is its host's", () => {
  for (const [host, provider] of [
    ["aspmx.l.google.com", "google"],
    ["alt1.gmail-smtp-in.l.google.com", "google"],
    ["smtp.google.com", "google"],
    ["aspmx2.googlemail.com", "google"],
    ["shop-test.mail.protection.outlook.com", "microsoft"],
    ["hotmail-com.olc.protection.outlook.com", "microsoft"],
    ["shop-test.o-v1.mx.microsoft", "microsoft"],
    ["mta5.am0.yahoodns.net", "yahoo"],
    ["mx1.mail.yahoo.co.jp", "yahoo_japan"],
    ["mx01.mail.icloud.com", "apple"],
    ["in1-smtp.messagingengine.com", "fastmail"],
    ["mail.protonmail.ch", "proton"],
    ["mx2.zoho.eu", "zoho"],
    ["mx.zoho.com.au", "zoho"],
    ["mx0a-00000001.pphosted.com", "proofpoint"],
    ["eu-smtp-inbound-1.mimecast.com", "mimecast"],
    ["d1.a.ess.barracudanetworks.com", "barracuda"],
    ["mxs.mail.ru", "mailru"],
    ["mx.yandex.net", "yandex"],
    ["mxbiz1.qq.com", "tencent"],
    ["163mx01.mxmail.netease.com", "netease"],
    ["mx00.gmx.net", "gmx"],
    ["mx00.kundenserver.de", "ionos"],
    ["mx1.mail.ovh.net", "ovh"],
  ] as const)
    check("shop.test", host, provider);
});

test("the host says it before the domain does", () => {
  check("gmail.com", "eu-smtp-inbound-1.mimecast.com", "mimecast");
});

test("where the host is nobody known, or none was spoken to, a well-known domain says it", () => {
  check("gmail.com", undefined, "google");
  check("gmail.com", "smart.relay.test", "google");
  check("hotmail.co.uk", "10.0.0.25", "microsoft");
  check("web.de", "", "gmx");
  check("yahoo.co.jp", undefined, "yahoo_japan");
});

test("case does not matter", () => {
  check("shop.test", "ASPMX.L.Google.COM", "google");
  check("GMail.com", undefined, "google");
});

test("names that only look alike are other", () => {
  check("shop.test", undefined, "other");
  check("shop.test", "mx.shop.test", "other");
  check("shop.test", "aspmx.l.notgoogle.com", "other");
  check("shop.test", "google.com.shop.test", "other");
  check("shop.test", "com", "other");
  check("mail.gmail.com", undefined, "other");
  check("constructor", "__proto__", "other");
});
