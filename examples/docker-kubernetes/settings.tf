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
  description = "What the nodes are made from; examples/node-images/build kubernetes makes one."
  type        = string
  default     = "coe/kubernetes-node:v1.34.4"
}

variable "preload_images" {
  description = "Images of the Docker Engine that every node gets without a registry."
  type        = list(string)
  default     = []
}
