# Conflict, so left out: MX of mail.d.test. (owner.test\010has it)

# Not known, so left out: TXT of s3._domainkey.d.test. (dns.test\010is ill)

variable "zone_id" {
  type = string
}

resource "aws_route53_record" "hikyaku-mx-send-d-test" {
  zone_id = var.zone_id
  name    = "send.d.test"
  type    = "MX"
  ttl     = 3600
  records = ["10 bounce.relay.test."]
}

resource "aws_route53_record" "hikyaku-txt-send-d-test" {
  zone_id = var.zone_id
  name    = "send.d.test"
  type    = "TXT"
  ttl     = 3600
  records = ["v=spf1 include:spf.relay.test ~all"]
}

resource "aws_route53_record" "hikyaku-txt-2026-_domainkey-d-test" {
  zone_id = var.zone_id
  name    = "2026._domainkey.d.test"
  type    = "TXT"
  ttl     = 3600
  records = ["v=DKIM1; k=rsa; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
}

# Delete by hand, before: s-2._domainkey.d.test. IN CNAME evil\010\059\032name.test.
resource "aws_route53_record" "hikyaku-txt-s--2-_domainkey-d-test" {
  zone_id = var.zone_id
  name    = "s-2._domainkey.d.test"
  type    = "TXT"
  ttl     = 3600
  records = ["v=DKIM1; k=ed25519; p=BBBB"]
}

resource "aws_route53_record" "hikyaku-txt-d-test" {
  zone_id         = var.zone_id
  name            = "d.test"
  type            = "TXT"
  ttl             = 3600
  records         = ["v=spf1 include:spf.relay.test mx a -all", "\\\"it's\\\" \\\\ $${var.x} %%{if} ; # // */ \\015\\012\\011\\342\\200\\250\\303\\251\"\"\\000\\377"]
  allow_overwrite = true
}
