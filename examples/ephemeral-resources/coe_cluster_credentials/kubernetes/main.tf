terraform {
  required_version = ">= 1.10"

  required_providers {
    coe = {
      source = "coe-project/coe"
    }
    kubernetes = {
      source = "hashicorp/kubernetes"
    }
  }
}

# A cluster, and work on it in the same apply.
resource "coe_container_cluster" "example" {
  name           = "example"
  coe            = "kubernetes"
  image          = "coe/kubernetes-node:v1.34.4"
  preload_images = ["coe/hello:1"]
}

ephemeral "coe_cluster_credentials" "example" {
  cluster_id = coe_container_cluster.example.id
}

provider "kubernetes" {
  host                   = coe_container_cluster.example.endpoint
  cluster_ca_certificate = coe_container_cluster.example.cluster_ca_certificate
  client_certificate     = ephemeral.coe_cluster_credentials.example.client_certificate
  client_key             = ephemeral.coe_cluster_credentials.example.client_key
}

resource "kubernetes_deployment_v1" "web" {
  metadata {
    name = "web"
  }

  spec {
    replicas = 3

    selector {
      match_labels = {
        app = "web"
      }
    }

    template {
      metadata {
        labels = {
          app = "web"
        }
      }

      spec {
        container {
          name  = "hello"
          image = "coe/hello:1"
        }
      }
    }
  }
}
