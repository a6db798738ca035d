resource "coe_container_cluster" "example" {
  name  = "example"
  coe   = "kubernetes"
  image = "coe/kubernetes-node:v1.34.9"
}

# Nodes with more memory than the pool's, for work that asks for them by their label and tolerates their taint.
resource "coe_node_group" "large" {
  cluster_id     = coe_container_cluster.example.id
  name           = "large"
  node_count     = 2
  min_node_count = 1
  max_node_count = 5
  flavor         = "2x8"

  node_labels = {
    size = "large"
  }

  taints = [{
    key    = "size"
    value  = "large"
    effect = "NoSchedule"
  }]

  # One more is made before one is drained, so that there are never fewer than two.
  upgrade_settings = {
    max_surge       = 1
    max_unavailable = 0
    drain_timeout   = "10m"
  }
}
