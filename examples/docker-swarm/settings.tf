terraform {
  required_version = ">= 1.10"

  required_providers {
    coe = {
      source = "coe-project/coe"
    }
  }
}

variable "name" {
  description = "Name of the cluster, and the beginning of its nodes' names."
  type        = string
  default     = "demo"
}

variable "image" {
  description = "What the nodes are made from; examples/node-images/build makes one."
  type        = string
  default     = "coe/swarm-node:20.10.24"
}

variable "preload_images" {
  description = "Images of the Docker Engine that every node gets without a registry."
  type        = list(string)
  default     = []
}
