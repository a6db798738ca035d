# Leads connections to one port on to the targets that take them. The first process of a balancer's container, in the
# image of the cluster's nodes, which has `iptables`; arguments: the port, then the targets' addresses.
#
# The kernel does the work (a rule for each target); this looks once a second who takes connections, and replaces all
# rules in one step when that changes. Connections to a target that has stopped to take some are reset, so that their
# clients begin anew elsewhere. While nobody takes any, all are led to, as in the beginning.
set -eu
trap 'exit 0' TERM INT
port=$1
shift

case $1 in *:*) family=ip6tables ;; *) family=iptables ;; esac
tables=
for variant in "$family" "$family-legacy" "$family-nft"; do
    if "$variant" -w -t nat -n -L >/dev/null 2>&1; then
        tables=$variant
        break
    fi
done
if [ -z "$tables" ]; then
    echo "no $family of this image works here"
    exit 1
fi

takes_connections() {
    if command -v bash >/dev/null; then
        timeout 1 bash -c ": </dev/tcp/$1/$port" 2>/dev/null
    else
        timeout 1 nc -z "$1" "$port" 2>/dev/null
    fi
}

is_among() {
    wanted=$1
    shift
    for one; do
        [ "$one" != "$wanted" ] || return 0
    done
    return 1
}

rules_for() {
    echo '*nat'
    echo '-F PREROUTING'
    left=$#
    for target; do
        share=
        [ "$left" = 1 ] || share="-m statistic --mode nth --every $left --packet 0"
        echo "-A PREROUTING -p tcp --dport $port $share -j DNAT --to-destination $target"
        left=$((left - 1))
    done
    echo '-F POSTROUTING'
    echo "-A POSTROUTING -p tcp --dport $port -j MASQUERADE"
    echo COMMIT
    echo '*filter'
    echo '-F FORWARD'
    for target in $all; do
        is_among "$target" "$@" || echo "-A FORWARD -p tcp -d $target -j REJECT --reject-with tcp-reset"
    done
    echo COMMIT
}

lead_to() {
    # A kernel that cannot share connections out leads all of them to the first.
    rules_for "$@" | "$tables-restore" -w --noflush 2>/dev/null || rules_for "$1" | "$tables-restore" -w --noflush
    echo "leads to $*"
}

all=$*
led_to=
taking=$all
while :; do
    if [ "$taking" != "$led_to" ]; then
        # shellcheck disable=SC2086 # addresses have no spaces
        lead_to $taking
        led_to=$taking
    fi
    sleep 1 &
    wait $!
    taking=
    for target in $all; do
        if takes_connections "$target"; then
            taking="$taking${taking:+ }$target"
        fi
    done
    [ -n "$taking" ] || taking=$all
done
