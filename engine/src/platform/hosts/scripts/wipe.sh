# Removes what the node has kept, says what is still there, one line each, and frees the machine if nothing is.
# Arguments: the folders.
problems=$(
    for folder; do restore "$folder"; done
    # What was made for the node's files goes with what its programs have put beside them.
    [ ! -e "$before/folders" ] || while read -r folder; do empty "$folder"; done <"$before/folders"
)
if [ -n "$problems" ]; then
    printf '%s\n' "$problems"
    exit 0
fi
rm -f /var/lib/coe/stopped
# What ran before runs again.
cat "$before/services" "$before.new/services" 2>/dev/null | while read -r unit state; do
    [ "$state" != active ] || systemctl start "$unit"
done
rm -rf "$before" "$before.new"
rm -f /var/lib/coe/machine.json
