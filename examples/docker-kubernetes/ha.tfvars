# Any one control plane may be lost, and any one worker:
#   terraform apply -var-file=ha.tfvars
control_plane_count = 3
node_count          = 2
