# Ends the node's services, now and when the machine starts.
: >/var/lib/coe/stopped
systemctl disable coe-node.service >/dev/null 2>&1
quiet
for unit in coe-node.service $(services); do
    ! systemctl is-active --quiet "$unit" || {
        printf '%s does not end\n' "$unit" >&2
        exit 1
    }
done
