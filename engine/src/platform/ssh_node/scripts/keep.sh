# Keeps what the machine was like before. Arguments: the folders that will have files of the node, the services that
# these files speak to, the folders that the node keeps, and those of them whose content is put back one day; a line each.
set -eu
folders=$1 units=$2 volumes=$3 put_back=$4
umask 077
if [ ! -d "$before" ]; then
    mkdir -p "$before.new"
    if [ ! -e "$before.new/services" ]; then
        {
            printf '%s\n' "$units"
            printf '%s\n' "$volumes" | while read -r volume; do
                # Processes come and go meanwhile.
                [ -z "$volume" ] || find /proc/[0-9]*/fd -lname "$volume/*" 2>/dev/null || true
            done | cut -d / -f 3 | sort -u | while read -r process; do
                sed -n 's|.*/\([^/]*\.service\)$|\1|p' "/proc/$process/cgroup" 2>/dev/null || true
            done
        } | sort -u | while read -r unit; do
            [ -z "$unit" ] || printf '%s %s\n' "$unit" "$(systemctl is-active "$unit" || true)"
        done >"$before.new/services.draft"
        mv "$before.new/services.draft" "$before.new/services"
    fi
    # Nobody writes what is being copied.
    for unit in $(services); do systemctl stop "$unit"; done
    rm -rf "$before.new"/volume*
    : >"$before.new/volumes"
    number=0
    printf '%s\n' "$put_back" | while read -r volume; do
        [ -n "$volume" ] && [ -n "$(ls -A "$volume" 2>/dev/null)" ] || continue
        number=$((number + 1))
        cp -a --reflink=auto "$volume" "$before.new/volume$number"
        printf '%s %s\n' "$number" "$volume" >>"$before.new/volumes"
    done
    hostname >"$before.new/hostname"
    ls /sys/class/net >"$before.new/interfaces"
    slices >"$before.new/slices"
    printf '%s\n' "$folders" | while read -r folder; do
        [ -z "$folder" ] || [ -e "$folder" ] || printf '%s\n' "$folder"
    done >"$before.new/folders"
    left | sort >"$before.new/left"
    for program in iptables ip6tables; do
        for table in raw mangle nat filter; do
            "$program" -w -t "$table" -S >"$before.new/$program.$table" 2>/dev/null || true
        done
    done
    mv "$before.new" "$before"
fi
