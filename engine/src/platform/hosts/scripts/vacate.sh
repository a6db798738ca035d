# Takes the node off the machine; what the node keeps stays. Says what could not be undone, one line each. Arguments:
# the files that were put there, a `--`, and the folders that end with a machine.
tell() { printf '%s\n' "$*"; }
unit=coe-node.service before=/var/lib/coe/before
systemctl disable --now "$unit" >/dev/null 2>&1
rm -f "/etc/systemd/system/$unit"
systemctl daemon-reload
systemctl reset-failed "$unit" >/dev/null 2>&1
! systemctl is-active --quiet "$unit" || tell "its service does not end"
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    rm -f -- "$1"
    [ ! -e "$1" ] || tell "$1 could not be removed"
    shift
done
[ $# -eq 0 ] || shift
for folder; do
    empty "$folder"
done
[ -d "$before" ] || exit 0
# Bridges that were made since, and the rules that speak of them or of chains that were made since. What a person
# made is kept as long as it is neither.
bridges=
for interface in /sys/class/net/*; do
    name=${interface##*/}
    [ -d "$interface/bridge" ] || continue
    grep -qxF "$name" "$before/interfaces" || bridges="$bridges $name"
done
for table in raw mangle nat filter; do
    now=$(iptables -w -t "$table" -S 2>/dev/null) || continue
    # What a node does with what is passed on is no longer wanted.
    grep '^-P ' "$before/iptables.$table" | while read -r policy; do
        eval "iptables -w -t $table $policy" 2>/dev/null
    done
    chains=$(printf '%s\n' "$now" | grep '^-N ' | grep -vxF -f "$before/iptables.$table" | cut -d ' ' -f 2)
    for name in $bridges $chains; do
        printf '%s\n' "$now" | grep -E "^-A .* (! )?(-[ioj]) $name( |\$)" |
            while read -r _ rule; do eval "iptables -w -t $table -D $rule" 2>/dev/null; done
    done
    for chain in $chains; do iptables -w -t "$table" -F "$chain" 2>/dev/null; done
    for chain in $chains; do
        iptables -w -t "$table" -X "$chain" 2>/dev/null || tell "chain $chain of iptables' table $table is still in use"
    done
done
for bridge in $bridges; do
    ip link delete "$bridge" 2>/dev/null || true
    [ ! -e "/sys/class/net/$bridge" ] || tell "network interface $bridge is still there"
done
node=$(hostname)
hostname "$(cat "$before/hostname")"
cat "$before/hostname" >/etc/hostname
kept=$(grep -v "[[:space:]]$node # coe\$" /etc/hosts)
printf '%s\n' "$kept" >/etc/hosts
exit 0
