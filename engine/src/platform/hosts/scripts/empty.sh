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
