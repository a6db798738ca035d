data "coe_cluster_ca_certificate" "example" {
  name = "example"
}

# What a client outside Terraform trusts.
output "ca_certificate" {
  value = data.coe_cluster_ca_certificate.example.certificate
}
