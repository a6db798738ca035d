# What scripts of a node have in common.
before=/var/lib/coe/before
# What a folder holds, in one number.
inventory() {
    (cd "$1" && find . -mindepth 1 \( -type d -printf '%P d %m\n' \) -o -printf '%P %y %s %m %l\n' | sort | cksum)
}
# What those leave who bring containers together, the deepest first.
left() {
    find /etc/cni /var/lib/cni /var/log/pods /var/log/containers /run/cni-ipam-state /run/pod-network /run/netns -depth \
        2>/dev/null || true
}
# The services of the machine's image that the node is made of: those which were told something by a file of the node, and
# those which had something open in a folder of the node.
services() { cut -d ' ' -f 1 "$before/services" "$before.new/services" 2>/dev/null | sort -u; }
# Where containers may be: not where people and the system's own services are.
slices() {
    systemctl list-units --type=slice --plain --no-legend | cut -d ' ' -f 1 | grep -vE '^(-|user|system|machine)[-.]' | sort -r
}
# Ends them and all that they have started, pods included, and keeps them from coming back with the machine.
quiet() {
    for unit in coe-node.service $(services) "$@"; do
        systemctl stop "$unit" >/dev/null 2>&1
        systemctl reset-failed "$unit" >/dev/null 2>&1
    done
    [ ! -e "$before/slices" ] || for slice in $(slices | grep -vxF -f "$before/slices"); do
        systemctl stop "$slice" >/dev/null 2>&1
    done
    # What a service was told to leave behind.
    for unit in $(services); do
        grep -lsE "/$unit\$" /proc/[0-9]*/cgroup | cut -d / -f 3 | xargs -r kill -9 2>/dev/null
    done
    return 0
}
