resource "coe_container_cluster" "example" {
  name  = "example"
  coe   = "swarm"
  image = "coe/swarm-node:20.10.24"
}

# A node with more memory than the pool's, for services that ask for it by its label.
resource "coe_cluster_node" "large" {
  cluster_id = coe_container_cluster.example.id
  name       = "example-large-1"
  flavor     = "2x8"

  node_labels = {
    size = "large"
  }
}

# Before work on its machine: the node is cordoned and drained, and stays a member.
resource "coe_cluster_node" "serviced" {
  cluster_id  = coe_container_cluster.example.id
  name        = "example-serviced-1"
  maintenance = true
}
