data "coe_cluster_nodes" "free" {
  status = "Unallocated"
}

output "free_machines" {
  value = data.coe_cluster_nodes.free.names
}
