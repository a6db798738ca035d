# Replaces the marker as a whole. Argument: `stopped` where the node's services are to be down.
set -eu
umask 077
cd /var/lib/coe
new=$(mktemp machine.XXXXXX)
cat >"$new"
mv -f "$new" machine.json
if [ "${1:-}" = stopped ]; then : >stopped; else rm -f stopped; fi
