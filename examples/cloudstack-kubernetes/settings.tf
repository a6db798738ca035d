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

variable "zone" {
  description = "The zone that machines are made in; null: the only one."
  type        = string
  default     = null
}

variable "template" {
  description = "What machines are made from: a template with cloud-init that takes SSH keys, and with kubeadm, a kubelet and containerd; by name or id."
  type        = string
}

variable "service_offering" {
  description = "The size of machines."
  type        = string
}

variable "private_key_file" {
  description = "The private key to log in on machines with."
  type        = string
}
