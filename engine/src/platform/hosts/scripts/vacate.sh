# Takes the node off the machine; what the node keeps stays. Says what could not be undone, one line each. Arguments:
# the files that were put there, a `--`, and the folders that end with a machine.
tell() { printf '%s\n' "$*"; }
: >/var/lib/coe/stopped
systemctl disable coe-node.service >/dev/null 2>&1
# Services that came with the node's files end with what they serve.
quiet $(printf '%s\n' "$@" | sed -n 's|^/etc/systemd/system/\([^/]*\.service\)$|\1|p')
rm -f /etc/systemd/system/coe-node.service
for unit in $(services); do
    rm -f "/etc/systemd/system/$unit.d/00-coe-stopped.conf"
    rmdir "/etc/systemd/system/$unit.d" 2>/dev/null
done
for unit in coe-node.service $(services); do
    ! systemctl is-active --quiet "$unit" || tell "$unit does not end"
done
# What containers had mounted, the deepest first.
cut -d ' ' -f 2 /proc/self/mounts | grep -E '^/run/(containerd|netns)/' | sort -r | while read -r mount; do
    umount -l "$mount" 2>/dev/null
done
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    rm -f -- "$1"
    [ ! -e "$1" ] || tell "$1 could not be removed"
    shift
done
[ $# -eq 0 ] || shift
systemctl daemon-reload
for folder; do
    restore "$folder"
done
[ -d "$before" ] || exit 0
# What was made to bring containers together, and the rules that speak of it or of chains that were made since. What a
# person made is kept as long as it is neither.
interfaces=
for interface in /sys/class/net/*; do
    name=${interface##*/}
    case $(ip -o -d link show "$name" 2>/dev/null) in
        *' bridge '* | *' vxlan '* | *' veth '*) ;;
        *) continue ;;
    esac
    grep -qxF "$name" "$before/interfaces" || interfaces="$interfaces $name"
done
for program in iptables ip6tables; do
    for table in raw mangle nat filter; do
        [ -e "$before/$program.$table" ] || continue
        now=$("$program" -w -t "$table" -S 2>/dev/null) || continue
        # What a node does with what is passed on is no longer wanted.
        grep '^-P ' "$before/$program.$table" | while read -r policy; do
            eval "$program -w -t $table $policy" 2>/dev/null
        done
        chains=$(printf '%s\n' "$now" | grep '^-N ' | grep -vxF -f "$before/$program.$table" | cut -d ' ' -f 2)
        for name in $interfaces $chains MASQUERADE; do
            printf '%s\n' "$now" | grep -E "^-A .* (! )?(-[ioj]) $name( |\$)" | grep -vxF -f "$before/$program.$table" |
                while read -r _ rule; do eval "$program -w -t $table -D $rule" 2>/dev/null; done
        done
        for chain in $chains; do "$program" -w -t "$table" -F "$chain" 2>/dev/null; done
        for chain in $chains; do
            "$program" -w -t "$table" -X "$chain" 2>/dev/null || tell "chain $chain of $program's table $table is still in use"
        done
    done
done
for interface in $interfaces; do
    ip link delete "$interface" 2>/dev/null || true
    [ ! -e "/sys/class/net/$interface" ] || tell "network interface $interface is still there"
done
[ ! -e "$before/left" ] || left | grep -vxF -f "$before/left" | while read -r path; do
    if [ -d "$path" ] && [ ! -L "$path" ]; then rmdir "$path"; else rm -f "$path"; fi
done
node=$(hostname)
hostname "$(cat "$before/hostname")"
cat "$before/hostname" >/etc/hostname
# The last domain is this program's own.
kept=$(grep -vE "[[:space:]]$node # coe\$|[[:space:]][^[:space:]]+\.coe\.internal\$" /etc/hosts)
printf '%s\n' "$kept" >/etc/hosts
exit 0
