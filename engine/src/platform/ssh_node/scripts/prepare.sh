# Installs what is missing. Arguments, after those of what is kept before: the program, and the packages that bring it.
shift 4
program=$1
shift
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
