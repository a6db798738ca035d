//! Which machines there are, and who has each.

use coe_tests::Stack;
use coe_tests::machines::Machines;
use coe_tests::stack::strings;
use serde_json::Value;

use super::swarm;

const ALL: [&str; 3] = ["alpha", "beta", "gamma"];

fn list(filter: &str) -> String {
    format!("data \"coe_cluster_nodes\" \"these\" {{\n  {filter}\n}}\n")
}

#[test]
fn every_machine_is_listed_with_who_has_it() {
    let machines = Machines::boot(&ALL);
    let provider = machines.provider(&ALL, "");
    let stack = Stack::on_hosts("inventory");
    let look = |configuration: &str| -> Value {
        stack.configure(configuration);
        stack.apply();
        stack.state("data.coe_cluster_nodes.these")
    };
    let free = look(&format!("{provider}{}", list("status = \"Unallocated\"")));
    assert_eq!(strings(&free["names"]), ALL);
    for (node, name) in free["nodes"].as_array().expect("a list").iter().zip(ALL) {
        assert_eq!(node["address"], machines.address(name).as_str());
        assert_eq!(node["membership"], "Discovered");
        assert!(node["cluster"].is_null() && node["reason"].is_null());
    }

    let cluster = swarm(&provider, "node_count = 1");
    stack.configure(&cluster);
    stack.apply();
    let of_cluster = list(&format!("cluster = \"{}\"", stack.name()));
    let ours = look(&format!("{cluster}{of_cluster}"));
    let ours = ours["nodes"].as_array().expect("a list").clone();
    let mut roles: Vec<_> = ours
        .iter()
        .filter_map(|node| node["role"].as_str())
        .collect();
    roles.sort_unstable();
    assert_eq!(roles, ["control_plane", "worker"]);
    for node in &ours {
        assert_eq!(node["status"], "Allocated");
        assert_eq!(node["cluster_id"], stack.cluster()["id"]);
    }

    let worker = ours.iter().find(|node| node["role"] == "worker");
    let worker = worker
        .and_then(|node| node["name"].as_str())
        .expect("a worker");
    machines.on(worker, "systemctl stop ssh");
    // Alone, so that the worker is not replaced before it is listed.
    let listing = Stack::on_hosts("listing");
    listing.configure(&format!("{provider}{}", list("")));
    listing.apply();
    let told = listing.state("data.coe_cluster_nodes.these");
    let lost = told["nodes"].as_array().expect("a list").iter();
    let lost = lost
        .clone()
        .find(|node| node["name"] == worker)
        .expect("the worker");
    assert_eq!(lost["membership"], "Disappeared");
    assert_eq!(lost["node"], format!("{}-worker-1", stack.name()));
    assert!(lost["status"].is_null() && lost["reason"].is_string());

    machines.on(worker, "systemctl start ssh");
    stack.destroy();
    for name in ALL {
        machines.assert_clean(name);
    }
}
