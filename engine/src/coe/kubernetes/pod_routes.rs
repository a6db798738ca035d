//! How packets get to the pods of another node. Pure.

use std::net::IpAddr;

use crate::model::Carries;

/// The tunnels' device on each node.
const DEVICE: &str = "coe-pods";
/// Tells these tunnels from others between the same machines (VNI, RFC 7348, 5).
const NETWORK: u32 = 3086;
/// Linux's own for VXLAN, which Swarm does not use: it has the one that was assigned later.
const PORT: u16 = 8472;

/// The part of a script of bash with what is done when a node comes or goes: `begin SUBNET` for the one at `own` that the
/// script runs on, `reach SUBNET ADDRESS` and `forget SUBNET ADDRESS` for the others.
///
/// Where the network carries the machines' addresses only, packets go through tunnels: one device that is told of each
/// node, so that nothing is asked or learnt on the way. A node's first address of its pods, which no pod gets, is its own
/// in that network: who speaks from the node itself has to be answered the same way.
pub(super) fn functions(carries: Carries, own: IpAddr) -> String {
    match carries {
        Carries::AnyAddress => r#"begin() { true; }
reach() { ip route replace "$1" via "$2"; }
forget() { ip route del "$1" via "$2" 2>/dev/null || true; }"#
            .to_owned(),
        Carries::MachinesOnly => format!(
            r#"ethernet_address() {{ local IFS=.; printf '02:c0:%02x:%02x:%02x:%02x' $1; }}
device() {{
    local underneath
    [ ! -e /sys/class/net/{DEVICE} ] || return 0
    read -r _ underneath _ < <(ip -o -4 address show to {own})
    ip link add {DEVICE} address "$(ethernet_address {own})" type vxlan id {NETWORK} dstport {PORT} \
        local {own} dev "$underneath" nolearning
    ip link set {DEVICE} up
}}
begin() {{
    local address=${{1%/*}}/32 other
    device
    ip address replace "$address" dev {DEVICE}
    # One by one, and the last stays: with it the kernel would take the routes.
    for other in $(ip -4 -o address show dev {DEVICE} | awk '{{ print $4 }}'); do
        [ "$other" = "$address" ] || ip address del "$other" dev {DEVICE}
    done
}}
reach() {{
    local hop=${{1%/*}} ethernet
    ethernet=$(ethernet_address "$2")
    device
    ip neighbor replace "$hop" lladdr "$ethernet" dev {DEVICE} nud permanent
    bridge fdb replace "$ethernet" dev {DEVICE} dst "$2"
    ip route replace "$1" via "$hop" dev {DEVICE} onlink
}}
forget() {{
    local hop=${{1%/*}}
    ip route del "$1" dev {DEVICE} 2>/dev/null || true
    ip neighbor del "$hop" dev {DEVICE} 2>/dev/null || true
    bridge fdb del "$(ethernet_address "$2")" dev {DEVICE} 2>/dev/null || true
}}"#
        ),
    }
}
