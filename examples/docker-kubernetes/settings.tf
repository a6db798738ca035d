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

variable "control_plane_count" {
  description = "1, or 3, 5 or 7 of which a majority has to live."
  type        = number
  default     = 1
}

variable "node_count" {
  description = "Number of workers."
  type        = number
  default     = 2
}

variable "preload_images" {
  description = "Images of the Docker Engine that every node gets without a registry."
  type        = list(string)
  default     = []
}

variable "network" {
  description = "An existing network by its id, or the subnet of a new one. Without it: a new one with a subnet that is free."
  type = object({
    id   = optional(string)
    cidr = optional(string)
  })
  default = null
}

variable "labels" {
  description = "Settings of Kubernetes, by the names that the guide has."
  type        = map(string)
  default     = {}
}
