# Says everything that keeps the machine from becoming a node, one line each. Arguments: the time; the program and the
# packages that bring it, or the services of the machine's image; its ports; the folders that the node keeps; a `--`, and
# those that begin with what is in them.
now=$1 program=$2 packages=$3 services=$4 ports=$5
shift 5
tell() { printf '%s\n' "$*"; }
[ "$(id -u)" = 0 ] || tell "the user is not root and did not become root by sudo"
[ -d /run/systemd/system ] || tell "systemd does not run"
if [ -n "$program" ] && ! command -v "$program" >/dev/null; then
    like=$(. /etc/os-release 2>/dev/null && printf '%s %s' "$ID" "${ID_LIKE:-}")
    case " $like " in
        *' debian '* | *' ubuntu '*) ;;
        *) tell "$program is not installed, and packages ($packages) are installed on Debian and Ubuntu alone; this is ${like:-unknown}" ;;
    esac
fi
for service in $services; do
    systemctl cat "$service" >/dev/null 2>&1 ||
        tell "it has no $service: machines of such a cluster bring their programs along, and packages are not installed"
done
difference=$(($(date +%s) - now))
[ "${difference#-}" -le 60 ] || tell "its clock is off by $difference s"
memory=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)
[ "${memory:-0}" -ge 400000 ] || tell "it has ${memory:-no} kB of memory; a node needs 400000"
free=$(df -Pk /var/lib | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\) .*/\1/p')
[ "${free:-0}" -ge 1000000 ] || tell "/var/lib has ${free:-no} kB free; a node needs 1000000"
grep -qE '^memory[[:space:]]|memory' /proc/cgroups /sys/fs/cgroup/cgroup.controllers 2>/dev/null ||
    tell "its kernel has no control group for memory"
# What was begun before finds its own work.
[ ! -d /var/lib/coe/before ] || exit 0
for port in $ports; do
    hex=$(printf '%04X' "$port")
    ! grep -qE "^ *[0-9]+: [0-9A-F]+:$hex [0-9A-F]+:[0-9A-F]+ 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null ||
        tell "port $port is in use"
done
while [ "$1" != -- ]; do
    # Folders that an image has made ready are as good as none.
    [ -z "$(find "$1" ! -type d -print -quit 2>/dev/null)" ] || tell "$1 is not empty"
    shift
done
shift
for folder; do
    ! grep -qE "[ ,=:]$folder/" /proc/self/mounts || tell "$folder is in use by containers"
    needed=$(du -sk "$folder" 2>/dev/null | cut -f 1)
    [ "${free:-0}" -ge $((1000000 + ${needed:-0})) ] ||
        tell "/var/lib has ${free:-no} kB free; what is in $folder is kept there meanwhile, and needs ${needed:-0} more than a node"
done
exit 0
