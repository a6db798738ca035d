terraform {
  required_providers {
    coe = {
      source = "coe-project/coe"
    }
  }
}

# The local Docker Engine, or the one that DOCKER_HOST names.
provider "coe" {}

# A Docker Engine elsewhere, over TLS. The folder has ca.pem, cert.pem and key.pem.
provider "coe" {
  alias = "elsewhere"

  docker = {
    host       = "tcp://engine.example.com:2376"
    tls_verify = true
    cert_path  = "/etc/coe/engine.example.com"
  }
}

# Machines that exist, over SSH.
provider "coe" {
  alias = "rack"

  hosts = {
    machines = {
      rack1-a = { address = "192.0.2.11", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP/gmF6XxmF1eoELyjnbpdnWx0AuXj62qqWXh87oPm3c" }
      rack1-b = { address = "192.0.2.12", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPymiOsv+YJ0+oVPBm7ypHCLA1WdQtqkceRJw7tP/aaR" }
    }
    ssh = { user = "admin" }
  }
}

# Servers of an OpenStack cloud. Who asks there is said by clouds.yaml, or by OS_* variables.
provider "coe" {
  alias = "cloud"

  openstack = {
    auth_url = "https://cloud.example.com:5000/v3"
    image    = "debian-12"
    flavor   = "m1.small"
    ssh      = { private_key_file = "/home/me/.ssh/id_ed25519" }
  }
}

# Instances of a CloudStack cloud. Who asks there is said by CLOUDSTACK_API_KEY and CLOUDSTACK_SECRET_KEY, or by a profile.
provider "coe" {
  alias = "zone"

  cloudstack = {
    api_url          = "https://cloud.example.org/client/api"
    profile          = "lab"
    zone             = "zone-1"
    template         = "debian-12"
    service_offering = "small"
    ssh              = { private_key_file = "/home/me/.ssh/id_ed25519" }
  }
}

# No machine at all: the same plans and the same state, kept in a folder.
provider "coe" {
  alias = "pretended"

  simulated = {
    dir = "platform"
  }
}
