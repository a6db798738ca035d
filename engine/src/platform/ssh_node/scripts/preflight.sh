# Says everything that keeps the machine from becoming a node, one line each. Arguments: the time, the program, the
# packages that bring it, its ports, a `--`, and the folders that the node keeps.
now=$1 program=$2 packages=$3 ports=$4
shift 4
tell() { printf '%s\n' "$*"; }
[ "$(id -u)" = 0 ] || tell "the user is not root and did not become root by sudo"
[ -d /run/systemd/system ] || tell "systemd does not run"
if ! command -v "$program" >/dev/null; then
    like=$(. /etc/os-release 2>/dev/null && printf '%s %s' "$ID" "${ID_LIKE:-}")
    case " $like " in
        *' debian '* | *' ubuntu '*) ;;
        *) tell "$program is not installed, and packages ($packages) are installed on Debian and Ubuntu alone; this is ${like:-unknown}" ;;
    esac
fi
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
for folder; do
    [ -z "$(ls -A "$folder" 2>/dev/null)" ] || tell "$folder is not empty"
done
exit 0
