# Replaces the marker as a whole.
set -eu
umask 077
cd /var/lib/coe
new=$(mktemp machine.XXXXXX)
cat >"$new"
mv -f "$new" machine.json
