# By the cluster's name or id, and the node's name.
terraform import coe_cluster_node.large example/example-large-1
