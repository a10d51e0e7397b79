# Conflict, so left out: MX of mail.d.test. (owner.test\010has it)

# Not known, so left out: TXT of s3._domainkey.d.test. (dns.test\010is ill)

variable "managed_zone" {
  type = string
}

resource "google_dns_record_set" "hikyaku-mx-send-d-test" {
  managed_zone = var.managed_zone
  name         = "send.d.test."
  type         = "MX"
  ttl          = 3600
  rrdatas      = ["10 bounce.relay.test."]
}

resource "google_dns_record_set" "hikyaku-txt-send-d-test" {
  managed_zone = var.managed_zone
  name         = "send.d.test."
  type         = "TXT"
  ttl          = 3600
  rrdatas      = ["\"v=spf1 include:spf.relay.test ~all\""]
}

resource "google_dns_record_set" "hikyaku-txt-2026-_domainkey-d-test" {
  managed_zone = var.managed_zone
  name         = "2026._domainkey.d.test."
  type         = "TXT"
  ttl          = 3600
  rrdatas      = ["\"v=DKIM1; k=rsa; p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\" \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""]
}

# Delete by hand, before: s-2._domainkey.d.test. IN CNAME evil\010\059\032name.test.
resource "google_dns_record_set" "hikyaku-txt-s--2-_domainkey-d-test" {
  managed_zone = var.managed_zone
  name         = "s-2._domainkey.d.test."
  type         = "TXT"
  ttl          = 3600
  rrdatas      = ["\"v=DKIM1; k=ed25519; p=BBBB\""]
}

import {
  to = google_dns_record_set.hikyaku-txt-d-test
  id = "${var.managed_zone}/d.test./TXT"
}

resource "google_dns_record_set" "hikyaku-txt-d-test" {
  managed_zone = var.managed_zone
  name         = "d.test."
  type         = "TXT"
  ttl          = 3600
  rrdatas      = ["\"v=spf1 include:spf.relay.test mx a -all\"", "\"\\\"it's\\\" \\\\ $${var.x} %%{if} ; # // */ \\013\\010\\009\\226\\128\\168\\195\\169\" \"\\000\\255\""]
}
