# The key in it is kept in state until it ends.
data "coe_cluster_kubeconfig" "example" {
  name     = "example"
  lifetime = "8h"
}

output "kubeconfig" {
  value     = data.coe_cluster_kubeconfig.example.kubeconfig
  sensitive = true
}
