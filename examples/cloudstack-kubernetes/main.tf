# Where the cloud is, and who asks there, is said by CLOUDSTACK_API_URL, CLOUDSTACK_API_KEY and CLOUDSTACK_SECRET_KEY.
provider "coe" {
  cloudstack = {
    zone             = var.zone
    template         = var.template
    service_offering = var.service_offering
    ssh              = { private_key_file = var.private_key_file }
  }
}

resource "coe_container_cluster" "demo" {
  name       = var.name
  coe        = "kubernetes"
  node_count = 2
}

output "endpoint" {
  value = coe_container_cluster.demo.endpoint
}

output "nodes" {
  value = coe_container_cluster.demo.nodes
}
