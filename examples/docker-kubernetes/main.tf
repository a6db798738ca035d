resource "coe_container_cluster" "demo" {
  name                = var.name
  coe                 = "kubernetes"
  image               = var.image
  control_plane_count = var.control_plane_count
  node_count          = var.node_count
  preload_images      = var.preload_images
  network             = var.network
  labels              = var.labels

  # Another image upgrades the nodes one after the other. A further worker is made first, and removed last, so that
  # there is room for the work of those that go.
  upgrade_settings = {
    max_surge       = 1
    max_unavailable = 0
  }
}

# A certificate for a working day, in neither plan nor state.
ephemeral "coe_cluster_credentials" "demo" {
  cluster_id = coe_container_cluster.demo.id
  lifetime   = "8h"
}

# What kubectl reads: KUBECONFIG=demo.kubeconfig. Once it has run out,
# terraform apply -replace=terraform_data.kubeconfig writes another one.
resource "terraform_data" "kubeconfig" {
  triggers_replace = coe_container_cluster.demo.id

  provisioner "local-exec" {
    command     = "umask 077 && printf '%s' \"$CONTENT\" >${path.module}/${var.name}.kubeconfig"
    environment = { CONTENT = ephemeral.coe_cluster_credentials.demo.kubeconfig }
  }
}

output "endpoint" {
  value = coe_container_cluster.demo.endpoint
}

output "nodes" {
  value = coe_container_cluster.demo.nodes
}
