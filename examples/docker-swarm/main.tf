resource "coe_container_cluster" "demo" {
  name           = var.name
  coe            = "swarm"
  image          = var.image
  node_count     = 2
  preload_images = var.preload_images
}

output "endpoint" {
  value = coe_container_cluster.demo.endpoint
}

output "nodes" {
  value = coe_container_cluster.demo.nodes
}
