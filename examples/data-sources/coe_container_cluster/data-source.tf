data "coe_container_cluster" "example" {
  name = "example"
}

output "addresses_of_workers" {
  value = {
    for name, node in data.coe_container_cluster.example.nodes :
    name => node.address if node.role == "worker"
  }
}
