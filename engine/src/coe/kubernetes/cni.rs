//! What a container runtime is told of the network between pods. Pure.

use serde_json::{Value, json};

/// A network of that name whose pods on this node have addresses of `subnet`: by plugins that every node image has.
///
/// What of addresses is taken is remembered where a start of the machine forgets it, as it forgets the pods.
pub(super) fn configuration(name: &str, subnet: &str, mtu: &Value) -> String {
    let configuration = json!({
        "cniVersion": "0.3.1",
        "name": name,
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": false,
                "mtu": mtu,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni-ipam-state",
                    "ranges": [[{ "subnet": subnet }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    });
    format!("{configuration}\n")
}
