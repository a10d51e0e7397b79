# Conflict, so left out: MX of mail.d.test. (owner.test\010has it)

# Not known, so left out: TXT of s3._domainkey.d.test. (dns.test\010is ill)

variable "zone_id" {
  type = string
}

resource "cloudflare_dns_record" "hikyaku-mx-send-d-test" {
  zone_id  = var.zone_id
  name     = "send.d.test"
  type     = "MX"
  content  = "bounce.relay.test"
  priority = 10
  ttl      = 3600
}

resource "cloudflare_dns_record" "hikyaku-txt-send-d-test" {
  zone_id = var.zone_id
  name    = "send.d.test"
  type    = "TXT"
  content = "\"v=spf1 include:spf.relay.test ~all\""
  ttl     = 3600
}

resource "cloudflare_dns_record" "hikyaku-txt-2026-_domainkey-d-test" {
  zone_id = var.zone_id
  name    = "2026._domainkey.d.test"
  type    = "TXT"
  content = "\"v=DKIM1; k=rsa; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\" \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
  ttl     = 3600
}

# Delete by hand, before: s-2._domainkey.d.test. IN CNAME evil\010\059\032name.test.
resource "cloudflare_dns_record" "hikyaku-txt-s--2-_domainkey-d-test" {
  zone_id = var.zone_id
  name    = "s-2._domainkey.d.test"
  type    = "TXT"
  content = "\"v=DKIM1; k=ed25519; p=BBBB\""
  ttl     = 3600
}

# Delete by hand, before: d.test. IN TXT "v=spf1 mx -all"
# Delete by hand, before: d.test. IN TXT "v=spf1 a -all"
resource "cloudflare_dns_record" "hikyaku-txt-d-test" {
  zone_id = var.zone_id
  name    = "d.test"
  type    = "TXT"
  content = "\"v=spf1 include:spf.relay.test mx a -all\""
  ttl     = 3600
}
