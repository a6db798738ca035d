# A service on the cluster that another configuration made, with credentials that are made for this run,
# and that are in neither the plan nor the state.
terraform {
  required_version = ">= 1.10"

  required_providers {
    coe = {
      source = "coe-project/coe"
    }
  }
}

variable "cluster" {
  description = "Name of a Swarm cluster."
  type        = string
  default     = "demo"
}

variable "image" {
  description = "What the service runs; examples/workload/build makes it."
  type        = string
  default     = "coe/hello:1"
}

variable "report" {
  description = "A file for what the cluster answers: terraform prints nothing of a command that sees a secret."
  type        = string
  default     = "hello.txt"
}

data "coe_container_cluster" "this" {
  name = var.cluster
}

ephemeral "coe_cluster_credentials" "this" {
  cluster_id = data.coe_container_cluster.this.id
  lifetime   = "10m"
}

resource "terraform_data" "hello" {
  # Runs at every apply.
  triggers_replace = plantimestamp()

  provisioner "local-exec" {
    command = "${path.module}/hello >${var.report} 2>&1"

    environment = {
      ENDPOINT           = ephemeral.coe_cluster_credentials.this.endpoint
      CA_CERTIFICATE     = ephemeral.coe_cluster_credentials.this.ca_certificate
      CLIENT_CERTIFICATE = ephemeral.coe_cluster_credentials.this.client_certificate
      CLIENT_KEY         = ephemeral.coe_cluster_credentials.this.client_key
      IMAGE              = var.image
      ADDRESSES          = join(" ", [for node in data.coe_container_cluster.this.nodes : node.address])
    }
  }
}
