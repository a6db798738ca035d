# Keeps what the machine was like before, and installs what is missing. Arguments: the program, the folders
# that will have files of the node, a line each, and the packages that bring the program.
set -eu
program=$1 folders=$2
shift 2
umask 077
before=/var/lib/coe/before
if [ ! -d "$before" ]; then
    rm -rf "$before.new"
    mkdir -p "$before.new"
    hostname >"$before.new/hostname"
    ls /sys/class/net >"$before.new/interfaces"
    printf '%s\n' "$folders" | while read -r folder; do
        [ -z "$folder" ] || [ -e "$folder" ] || printf '%s\n' "$folder"
    done >"$before.new/folders"
    for table in raw mangle nat filter; do
        iptables -w -t "$table" -S >"$before.new/iptables.$table" 2>/dev/null || true
    done
    mv "$before.new" "$before"
fi
command -v "$program" >/dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
# What is installed does not start by itself, now or later: the node's own service starts it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
fi
apt-get update -qq >&2
apt-get install -y -qq --no-install-recommends "$@" >&2
for unit in $(dpkg -L "$@" | sed -n 's|.*/systemd/system/\([^/@]*\.\(service\|socket\)\)$|\1|p'); do
    systemctl disable "$unit" >/dev/null 2>&1 || true
done
command -v "$program" >/dev/null || {
    printf '%s is in none of the packages %s\n' "$program" "$*" >&2
    exit 1
}
