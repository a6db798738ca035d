# What the other scripts of a clean-up have in common.
empty() {
    case $1 in
        /?*) ;;
        *) return ;;
    esac
    # What is mounted below goes first, the deepest before.
    sed -n "s|^[^ ]* \($1/[^ ]*\) .*|\1|p" /proc/self/mounts | sort -r | while read -r mount; do
        umount -l "$mount" 2>/dev/null
    done
    [ ! -d "$1" ] || find "$1" -mindepth 1 -delete 2>/dev/null
    # It may be a mount itself, or have been there before.
    rmdir "$1" 2>/dev/null
    [ -z "$(ls -A "$1" 2>/dev/null)" ] || printf '%s is not empty\n' "$1"
}
# Empties a folder and puts back what was in it before the machine was a node.
restore() {
    empty "$1"
    number=$(sed -n "s|^\([0-9]*\) $1\$|\1|p" "$before/volumes" 2>/dev/null)
    [ -n "$number" ] || return
    mkdir -p "$1"
    cp -a --reflink=auto "$before/volume$number/." "$1/"
    [ "$(inventory "$1")" = "$(inventory "$before/volume$number")" ] || printf '%s is not as it was before\n' "$1"
}
