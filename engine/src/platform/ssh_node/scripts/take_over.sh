# Ends what the machine's image starts of the program by itself: the node's own service starts it. Argument: the program.
set -eu
for unit in $(grep -lE "^ExecStart=[^ ]*/$1( |\$)" /etc/systemd/system/*.service /usr/lib/systemd/system/*.service \
    /lib/systemd/system/*.service 2>/dev/null | sed 's|.*/||' | sort -u); do
    [ "$unit" != coe-node.service ] || continue
    systemctl disable --now "${unit%.service}.socket" "$unit" >/dev/null 2>&1 || true
    ! systemctl is-active --quiet "$unit" || {
        printf '%s does not end\n' "$unit" >&2
        exit 1
    }
done
