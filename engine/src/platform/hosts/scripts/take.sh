# Takes the machine: of two that ask at once one makes the link.
set -eu
umask 077
mkdir -p /var/lib/coe
cd /var/lib/coe
new=$(mktemp machine.XXXXXX)
cat >"$new"
if ln "$new" machine.json 2>/dev/null; then printf taken; else printf held; fi
rm -f "$new"
