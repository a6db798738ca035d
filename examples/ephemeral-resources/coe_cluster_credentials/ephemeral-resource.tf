terraform {
  required_providers {
    coe = {
      source = "coe-project/coe"
    }
    docker = {
      source = "kreuzwerker/docker"
    }
  }
}

data "coe_container_cluster" "example" {
  name = "example"
}

ephemeral "coe_cluster_credentials" "example" {
  cluster_id = data.coe_container_cluster.example.id
  lifetime   = "15m"
}

provider "docker" {
  host          = ephemeral.coe_cluster_credentials.example.endpoint
  ca_material   = ephemeral.coe_cluster_credentials.example.ca_certificate
  cert_material = ephemeral.coe_cluster_credentials.example.client_certificate
  key_material  = ephemeral.coe_cluster_credentials.example.client_key
}

resource "docker_service" "web" {
  name = "web"

  task_spec {
    container_spec {
      image = "coe/hello:1"
    }
  }
}
