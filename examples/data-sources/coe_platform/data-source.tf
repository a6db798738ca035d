data "coe_platform" "this" {}

# Flavors that a control plane of Kubernetes runs on.
output "control_plane_flavors" {
  value = [
    for flavor in data.coe_platform.this.flavors : flavor.name
    if coalesce(flavor.cores, 0) >= 2 && coalesce(flavor.memory, 0) >= 2048
  ]
}

check "room" {
  assert {
    condition     = try(data.coe_platform.this.quotas.machines.left, 4) >= 4
    error_message = "There is no room for four more machines."
  }
}
