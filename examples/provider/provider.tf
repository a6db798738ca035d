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

# No machine at all: the same plans and the same state, kept in a folder.
provider "coe" {
  alias = "pretended"

  simulated = {
    dir = "platform"
  }
}
