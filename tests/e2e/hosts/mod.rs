//! Clusters of machines that exist: containers of the local engine that boot systemd and sshd.

mod bastion;
mod inventory;
mod kubernetes;
mod lifecycle;
mod refusals;
mod repair;

/// A cluster with these arguments.
fn swarm(provider: &str, arguments: &str) -> String {
    format!(
        "{provider}\nresource \"coe_container_cluster\" \"this\" {{\n  name = \"NAME\"\n  coe  = \"swarm\"\n  {arguments}\n}}\n"
    )
}
