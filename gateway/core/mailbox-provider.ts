/**
 * Whose mailbox a recipient has: the provider behind a domain, for counting what becomes of mail by provider.
 *
 * The host that took the mail says it best, since most domains are hosted; where that host is nobody known (a smart
 * host, say) the recipient's own domain may still be a well-known one. All others are `other`, so the answers are a
 * closed list and statistics stay few. A filter before the mailbox (Mimecast, Proofpoint) is what it is counted as:
 * that is who accepts or refuses.
 */

/** By provider: the ends of its MX hosts' names; then domains whose mailboxes are its own, where there are such. */
const PROVIDERS: Record<string, readonly [hosts: string, domains?: string]> = {
  google: ["google.com googlemail.com smtp.goog", "gmail.com googlemail.com"],
  microsoft: [
    "outlook.com mx.microsoft hotmail.com outlook.cn office365.us",
    "outlook.com outlook.de outlook.fr outlook.es outlook.it outlook.jp outlook.com.br hotmail.com hotmail.co.uk hotmail.de hotmail.fr hotmail.it hotmail.es live.com live.co.uk live.de live.fr live.nl msn.com",
  ],
  yahoo: [
    "yahoodns.net",
    "yahoo.com yahoo.co.uk yahoo.co.in yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it ymail.com rocketmail.com aol.com aim.com",
  ],
  yahoo_japan: ["yahoo.co.jp", "yahoo.co.jp ymail.ne.jp"],
  apple: ["icloud.com apple.com", "icloud.com me.com mac.com"],
  fastmail: ["messagingengine.com", "fastmail.com fastmail.fm"],
  proton: ["protonmail.ch", "proton.me protonmail.com protonmail.ch pm.me"],
  zoho: ["zoho.com zoho.eu zoho.in zoho.jp zoho.com.au zoho.com.cn zohocloud.ca", "zohomail.com zohomail.eu"],
  proofpoint: ["pphosted.com ppe-hosted.com gpphosted.com"],
  mimecast: ["mimecast.com mimecast.co.za mimecast-offshore.com"],
  barracuda: ["barracudanetworks.com"],
  cisco: ["iphmx.com"],
  broadcom: ["messagelabs.com"],
  hornetsecurity: ["hornetsecurity.com antispameurope.com"],
  cloudflare: ["mx.cloudflare.net"],
  godaddy: ["secureserver.net"],
  rackspace: ["emailsrvr.com"],
  gmx: ["gmx.net gmx.com web.de mail.com", "gmx.de gmx.net gmx.at gmx.ch gmx.com web.de mail.com"],
  ionos: ["kundenserver.de ionos.com ionos.de ionos.co.uk ionos.fr ionos.es ionos.it 1and1.com perfora.net"],
  strato: ["rzone.de"],
  telekom: ["t-online.de", "t-online.de magenta.de"],
  ovh: ["ovh.net ovh.ca"],
  gandi: ["gandi.net"],
  infomaniak: ["infomaniak.ch infomaniak.com", "ik.me"],
  orange: ["orange.fr", "orange.fr wanadoo.fr"],
  free: ["free.fr", "free.fr"],
  libero: ["libero.it", "libero.it"],
  comcast: ["comcast.net", "comcast.net"],
  mailru: ["mail.ru", "mail.ru inbox.ru list.ru bk.ru internet.ru"],
  yandex: ["yandex.ru yandex.net yandex.com", "yandex.ru yandex.com yandex.by yandex.kz ya.ru"],
  seznam: ["seznam.cz", "seznam.cz email.cz post.cz"],
  tencent: ["qq.com", "qq.com foxmail.com"],
  netease: ["netease.com 163.com", "163.com 126.com yeah.net"],
  alibaba: ["aliyun.com mxhichina.com", "aliyun.com"],
  naver: ["naver.com", "naver.com"],
};

/** One column of the table, turned round: from each name in it to its provider. */
const byName = (column: 0 | 1): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(PROVIDERS).flatMap(([provider, row]) =>
      (row[column]?.split(" ") ?? []).map((name) => [name, provider] as const),
    ),
  );

const BY_HOST = byName(0);
const BY_DOMAIN = byName(1);

/** The provider's name as statistics show it. `mxHost`: the host that was spoken to, if one was. */
export const providerOf = (recipientDomain: string, mxHost: string | undefined): string =>
  (mxHost === undefined ? undefined : byHost(mxHost.toLowerCase())) ??
  BY_DOMAIN.get(recipientDomain.toLowerCase()) ??
  "other";

/** Tries the whole name, then each of its ends at a dot, the longest first. */
const byHost = (host: string): string | undefined => {
  let end = host;
  for (;;) {
    const provider = BY_HOST.get(end);
    if (provider !== undefined) return provider;
    const dot = end.indexOf(".");
    if (dot === -1) return undefined;
    end = end.slice(dot + 1);
  }
};
