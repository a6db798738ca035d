# Everything that the machine keeps of clusters, one line each, in one round trip.
cd /var/lib/coe 2>/dev/null || exit 0
for file in machine.json clusters/*/record.json clusters/*/claim.json clusters/*/gone; do
    [ -e "$file" ] || continue
    content=$(cat "$file" 2>/dev/null) && printf '%s\t%s\n' "$file" "$content"
done
# The node's own service, or those of the machine's image that it is made of: one is enough for it to be there.
for unit in coe-node.service $(cut -d ' ' -f 1 before/services 2>/dev/null); do
    printf 'service\t%s\n' "$(systemctl is-active "$unit" 2>/dev/null || true)"
done
