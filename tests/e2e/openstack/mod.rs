//! Clusters of servers of an OpenStack cloud.
//!
//! Ignored unless they are asked for, because they need one: `. $(tests/testbeds/openstack up)`, then
//! `cargo test --workspace --test e2e openstack -- --ignored --test-threads 2`.

mod lifecycle;
mod refusals;
mod repair;

/// A swarm with these arguments.
fn swarm(provider: &str, arguments: &str) -> String {
    format!(
        "{provider}\nresource \"coe_container_cluster\" \"this\" {{\n  name = \"NAME\"\n  coe  = \"swarm\"\n  {arguments}\n}}\n"
    )
}
