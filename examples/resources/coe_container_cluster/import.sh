# By the cluster's name.
terraform import coe_container_cluster.example example

# By its id.
terraform import coe_container_cluster.example 0d5cbd7c-5c3e-4e0c-9d0a-3a9f5f0f4c1e
