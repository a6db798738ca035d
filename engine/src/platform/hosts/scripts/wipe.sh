# Removes what the node has kept, says what is still there, one line each, and frees the machine if nothing is.
# Arguments: the folders.
before=/var/lib/coe/before
problems=$(
    for folder; do empty "$folder"; done
    # What was made for the node's files goes with what its programs have put beside them.
    [ ! -e "$before/folders" ] || while read -r folder; do empty "$folder"; done <"$before/folders"
)
if [ -n "$problems" ]; then
    printf '%s\n' "$problems"
    exit 0
fi
rm -rf "$before" "$before.new"
rm -f /var/lib/coe/machine.json /var/lib/coe/stopped
