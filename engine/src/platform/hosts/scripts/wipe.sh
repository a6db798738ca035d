# Removes what the node has kept, says what is still there, one line each, and frees the machine if nothing is.
# Arguments: the folders.
problems=$(for folder; do empty "$folder"; done)
if [ -n "$problems" ]; then
    printf '%s\n' "$problems"
    exit 0
fi
rm -rf /var/lib/coe/before /var/lib/coe/before.new
rm -f /var/lib/coe/machine.json
