data "coe_container_clusters" "production" {
  name_regex = "^prod-"
  coe        = "kubernetes"
}

output "endpoints" {
  value = {
    for cluster in data.coe_container_clusters.production.clusters :
    cluster.name => cluster.endpoint
  }
}
