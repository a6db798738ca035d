# Nodes that reach nothing but one another, made once by `docker network create --internal air-gapped`:
#   terraform apply -var-file=air-gapped.tfvars
network = {
  id = "air-gapped"
}

# Work has no registry either: images of the Docker Engine's own are brought onto every node.
preload_images = ["coe/hello:1"]

# Tunnels between the nodes, which need no image.
labels = {
  network_driver = "native"
}
