# By the cluster's name or id, and the group's name.
terraform import coe_node_group.large example/large
