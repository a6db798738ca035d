# What the builders of node images have in common. They source it.
# shellcheck shell=bash

recipe_label=io.coe.node-image.recipe
node_images_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prerequisites=$node_images_dir/../prerequisites

say() { printf 'node-images/build: %s\n' "$*" >&2; }
fail() {
    say "$@"
    exit 1
}

# Ends the builder if the image is there and was built from what the folder of
# its recipe holds now; else leaves in $recipe what to label it with, and in
# $outdated the image whose name it takes.
keep_unchanged() {
    local image=$1 folder=$2
    docker version >/dev/null 2>&1 || fail "no Docker Engine answers; tests/testbeds/docker-engine up starts one"
    recipe=$(find "$folder" "$node_images_dir"/*.sh "$node_images_dir/privileges" -type f -print0 |
        sort --zero-terminated | xargs --null cat | sha256sum | cut -d ' ' -f 1)
    if [ "$(docker image inspect --format "{{index .Config.Labels \"$recipe_label\"}}" "$image" 2>/dev/null)" = "$recipe" ]; then
        say "$image is there already"
        printf '%s\n' "$image"
        exit
    fi
    outdated=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null || true)
}

# Makes sure of what every builder needs, and of a folder that goes when it ends.
begin_build() {
    [ "$(id -u)" = 0 ] || fail "building a node image needs root"
    "$prerequisites/debian-packages" mmdebstrap=mmdebstrap
    # Not /tmp: where that is memory it is too small.
    work_dir=$(mktemp -d -p "${TMPDIR:-/var/tmp}" coe-node-image.XXXXXX)
    trap 'rm -rf "$work_dir"' EXIT
    # apt fetches as its own user, which has to reach the folder.
    chmod 0755 "$work_dir"
}

# Runs mmdebstrap and shows the end of what it says if it fails.
make_file_system() {
    local log
    log=$(mktemp)
    [ -z "${COE_DEBIAN_MIRROR:-}" ] || set -- "$@" "$COE_DEBIAN_MIRROR"
    if ! mmdebstrap --variant=essential "$@" 2>"$log"; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "mmdebstrap could not make the file system; its last lines are above"
    fi
    rm -f "$log"
}

# What a node image leaves out of every package: documentation.
# shellcheck disable=SC2034  # the builders use it
left_out=('/usr/share/doc/*' '/usr/share/man/*' '/usr/share/info/*' '/usr/share/locale/*')

end_build() {
    local image=$1
    # It stays where containers are made of it.
    [ -z "$outdated" ] || docker image rm "$outdated" >/dev/null 2>&1 || true
    say "built $image in $SECONDS s, $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB"
    printf '%s\n' "$image"
}
