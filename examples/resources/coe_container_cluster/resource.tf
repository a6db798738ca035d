resource "coe_container_cluster" "example" {
  name        = "example"
  description = "Three managers, so that one may fail, and three workers."
  coe         = "swarm"
  image       = "coe/swarm-node:20.10.24"

  control_plane_count = 3
  node_count          = 3
  flavor              = "1x2"

  # Settings of the COE, by its own keys.
  labels = {
    task_history_limit = "3"
  }

  # On every node before it counts as ready, taken from the engine and not from a registry.
  preload_images = ["coe/hello:1"]

  network = {
    cidr = "10.89.7.0/24"
  }

  # http://127.0.0.1:8080 on the engine's host is port 80 of the first worker.
  ports = [{
    node      = "worker-1"
    node_port = 80
    host_port = 8080
  }]

  deletion_protection = true

  timeouts = {
    create = "5m"
  }
}

output "endpoint" {
  value = coe_container_cluster.example.endpoint
}
