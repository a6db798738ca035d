# Forgets a cluster. Arguments: the cluster, and `gone` where a machine that did not answer may remember it: what it
# says is then known to be over.
set -eu
cd /var/lib/coe/clusters 2>/dev/null || exit 0
rm -rf -- "$1"
if [ "$2" = gone ]; then
    mkdir "$1"
    : >"$1/gone"
fi
rmdir /var/lib/coe/clusters /var/lib/coe 2>/dev/null || true
