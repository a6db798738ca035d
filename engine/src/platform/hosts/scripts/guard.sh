# Runs a command on the machine if it is a node of the cluster, and the node runs: the machine goes on when it does not.
# Arguments: the cluster, the command.
grep -qsF "$1" /var/lib/coe/machine.json || {
    printf 'the machine is no node of this cluster\n' >&2
    exit 126
}
[ ! -e /var/lib/coe/stopped ] || {
    printf 'the node is stopped\n' >&2
    exit 126
}
shift
exec "$@"
