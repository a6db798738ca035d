provider "coe" {
  openstack = {
    image            = var.image
    flavor           = var.flavor
    external_network = var.external_network
    ssh              = { private_key_file = var.private_key_file }
  }
}

resource "coe_container_cluster" "demo" {
  name       = var.name
  coe        = "swarm"
  node_count = 2
}

output "endpoint" {
  value = coe_container_cluster.demo.endpoint
}

output "nodes" {
  value = coe_container_cluster.demo.nodes
}
