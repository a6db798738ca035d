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
  description = "What machines are made from: an image of the cloud with cloud-init, by name or id."
  type        = string
}

variable "flavor" {
  description = "The size of machines."
  type        = string
}

variable "external_network" {
  description = "The network that leads out of the cloud; null: the cluster's network leads nowhere."
  type        = string
  default     = null
}

variable "private_key_file" {
  description = "The private key to log in on machines with."
  type        = string
}
