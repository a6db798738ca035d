//! What a container runtime is told of a network between pods that routes make. Pure.

use ipnet::Ipv4Net;
use serde_json::json;

use super::network::CLOSED;

/// A network of routes, as the runtime knows it: by plugins that every node image has.
pub(super) struct Routes {
    /// Its name.
    name: &'static str,
    /// Where it is remembered which addresses are taken: where a start of the machine forgets it, as it forgets the pods.
    taken: &'static str,
}

/// The one that each node keeps by itself.
pub(super) const NATIVE: Routes = Routes {
    name: "coe",
    taken: "/run/cni-ipam-state",
};

/// The one that the node images of this project bring, which writes the same file when it comes to it.
pub(super) const OF_IMAGE: Routes = Routes {
    name: "pod-network",
    taken: "/run/pod-network",
};

impl Routes {
    /// The part of a script of bash by which `tell_runtime SUBNET ADDRESS` tells the runtime that the pods of the node
    /// with that address have addresses of that subnet.
    pub(super) fn tell_runtime(&self) -> String {
        let template = json!({
            "cniVersion": "0.3.1",
            "name": self.name,
            "plugins": [
                {
                    "type": "ptp",
                    "mtu": "@MTU@",
                    "ipam": {
                        "type": "host-local",
                        "dataDir": self.taken,
                        "ranges": [[{ "subnet": "@SUBNET@" }]],
                        "routes": [{ "dst": "0.0.0.0/0" }],
                    },
                },
                { "type": "portmap", "capabilities": { "portMappings": true } },
            ],
        });
        format!(
            r#"tell_runtime() {{
    local subnet=$1 address=$2 folder=/etc/cni/net.d file=10-{name}.conflist device mtu written
    read -r _ device _ < <(ip -o -4 address show to "$address")
    mtu=$(cat "/sys/class/net/$device/mtu")
    # Tunnels take 50 bytes of each packet (RFC 7348, 5).
    [ ! -e {CLOSED} ] || mtu=$((mtu - 50))
    written='{template:#}'
    written=${{written//@SUBNET@/$subnet}}
    written=${{written//\"@MTU@\"/$mtu}}
    [ "$(cat "$folder/$file" 2>/dev/null)" != "$written" ] || return 0
    mkdir -p "$folder"
    # The runtime reads no file of another ending, and so none that is half written.
    printf '%s\n' "$written" >"$folder/.{name}.draft"
    mv "$folder/.{name}.draft" "$folder/$file"
}}"#,
            name = self.name,
        )
    }
}

/// The part of a script of bash by which `masquerade SUBNET` lets pods of that subnet speak to what is no pod.
pub(super) fn masquerade(pods: Ipv4Net) -> String {
    format!(
        r#"masquerade() {{
    local rule=(POSTROUTING -s "$1" ! -d {pods} -m comment --comment "pods to the world outside" -j MASQUERADE)
    iptables -w -t nat -C "${{rule[@]}}" 2>/dev/null || iptables -w -t nat -A "${{rule[@]}}"
}}"#
    )
}
