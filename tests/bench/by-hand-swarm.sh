#!/usr/bin/env bash
# The peer that the provider is measured against: a Swarm of three managers with
# a TLS endpoint, made with the docker CLI as an expert does it who is in a hurry.
#
#   tests/bench/by-hand-swarm.sh [image]        make it, print ready_seconds=<x>, remove it
#   tests/bench/by-hand-swarm.sh up [image]     make it, print ready_seconds=<x>, leave it
#   tests/bench/by-hand-swarm.sh down           remove it
#
# The clock starts before the first object is made and stops when the endpoint,
# asked over TLS from outside, calls all three nodes ready and reachable
# managers. Certificates, and the question whether this engine grants
# --privileged, come before: neither depends on the cluster.
# COE_BENCH_SUBNET (default 10.213.77, a /24 without its last number) moves the network.
set -euo pipefail

cluster=coe-by-hand
label=io.coe.bench=by-hand-swarm
subnet=${COE_BENCH_SUBNET:-10.213.77}
managers=(1 2 3)
limit_seconds=60

say() { printf 'by-hand-swarm: %s\n' "$*" >&2; }
fail() {
    say "$@"
    exit 1
}

node() { printf '%s-control-plane-%s' "$cluster" "$1"; }
address() { printf '%s.%s' "$subnet" "$((10 + $1))"; }

down() {
    local containers volumes networks
    # After a failure other nodes may still be on their way.
    wait || true
    mapfile -t containers < <(docker ps --all --quiet --filter "label=$label")
    [ ${#containers[@]} = 0 ] || docker rm --force --volumes "${containers[@]}" >/dev/null
    mapfile -t volumes < <(docker volume ls --quiet --filter "label=$label")
    [ ${#volumes[@]} = 0 ] || docker volume rm "${volumes[@]}" >/dev/null
    mapfile -t networks < <(docker network ls --quiet --filter "label=$label")
    [ ${#networks[@]} = 0 ] || docker network rm "${networks[@]}" >/dev/null
    [ -z "${work_dir:-}" ] || rm -rf "$work_dir"
}

# A created container is never started, and yet only starting one shows what the
# engine may grant.
node_flags() {
    if docker run --rm --privileged --label "$label" --entrypoint /bin/true "$image" >/dev/null 2>&1; then
        printf '%s\n' --privileged
        return
    fi
    printf '%s\n' --cap-add=ALL --cap-drop=SYS_RESOURCE \
        --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined \
        --security-opt=systempaths=unconfined '--device-cgroup-rule=a *:* rwm'
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# signed <file prefix> <common name> <extension lines>
signed() {
    new_key "$1-key.pem"
    openssl req -new -key "$1-key.pem" -subj "/CN=$2" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA "$work_dir/ca.pem" -CAkey "$work_dir/ca-key.pem" \
        -CAcreateserial -days 2 -extfile <(printf '%b\n' "$3") -out "$1.pem" 2>/dev/null
}

make_node_files() {
    new_key "$work_dir/ca-key.pem"
    openssl req -x509 -new -key "$work_dir/ca-key.pem" -subj "/CN=$cluster" -days 2 -out "$work_dir/ca.pem"
    signed "$work_dir/client" admin 'extendedKeyUsage=clientAuth'
    cp "$work_dir/client.pem" "$work_dir/cert.pem"
    cp "$work_dir/client-key.pem" "$work_dir/key.pem"
    local number files
    for number in "${managers[@]}"; do
        signed "$work_dir/server-$number" "$(node "$number")" \
            "extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,IP:$(address "$number"),DNS:localhost,DNS:$(node "$number")"
        files=$work_dir/files-$number/docker
        mkdir -p "$files/tls"
        cp "$work_dir/ca.pem" "$files/tls/ca.pem"
        cp "$work_dir/server-$number.pem" "$files/tls/server.pem"
        cp "$work_dir/server-$number-key.pem" "$files/tls/server-key.pem"
        chmod 0600 "$files/tls/server-key.pem"
        cat >"$files/daemon.json" <<'JSON'
{
  "hosts": ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"],
  "tlsverify": true,
  "tlscacert": "/etc/docker/tls/ca.pem",
  "tlscert": "/etc/docker/tls/server.pem",
  "tlskey": "/etc/docker/tls/server-key.pem"
}
JSON
    done
}

start_node() {
    local number=$1 name
    name=$(node "$number")
    docker create --name "$name" --hostname "$name" --label "$label" \
        --network "$cluster" --ip "$(address "$number")" \
        --mount "type=volume,source=$name,target=/var/lib/docker,volume-label=$label" \
        --restart unless-stopped --cgroupns private --publish 127.0.0.1::2376 \
        "${flags[@]}" "$image" dockerd >/dev/null
    # Newer clients report each copy on standard error.
    docker cp "$work_dir/files-$number/docker" "$name:/etc/" 2>"$work_dir/copy-$number.log" ||
        fail "copying to $name: $(cat "$work_dir/copy-$number.log")"
    docker start "$name" >/dev/null
}

# dockerd makes its socket first and answers on it last: a client that finds the
# socket is answered at the first possible moment, and no poll takes a core away
# from the dockerds that are starting.
at_node() {
    local number=$1
    shift
    docker exec "$(node "$number")" sh -c \
        'until [ -S /var/run/docker.sock ]; do sleep 0.02; done; '"$*"
}

through_endpoint() { docker --host "tcp://$endpoint" --tlsverify --tlscacert "$work_dir/ca.pem" \
    --tlscert "$work_dir/cert.pem" --tlskey "$work_dir/key.pem" "$@"; }

up() {
    image=${1:-coe/swarm-node:20.10.24}
    docker image inspect "$image" >/dev/null 2>&1 || fail "no image $image here; examples/node-images/build swarm builds it"
    down
    work_dir=$(mktemp -d -t coe-by-hand.XXXXXX)
    make_node_files
    mapfile -t flags < <(node_flags)

    local began number token pids=() deadline=$((SECONDS + limit_seconds)) reachable
    began=$EPOCHREALTIME
    docker network create --label "$label" --subnet "$subnet.0/24" "$cluster" >/dev/null
    for number in "${managers[@]}"; do
        start_node "$number" &
        pids+=($!)
    done
    wait "${pids[0]}"
    token=$(at_node 1 "docker swarm init --advertise-addr $(address 1) >/dev/null && docker swarm join-token --quiet manager")
    for number in 2 3; do
        wait "${pids[$((number - 1))]}"
        at_node "$number" "docker swarm join --advertise-addr $(address "$number") --token $token $(address 1):2377" >/dev/null &
        pids[number - 1]=$!
    done
    wait "${pids[1]}" "${pids[2]}"
    endpoint=$(docker port "$(node 1)" 2376/tcp)
    until reachable=$(through_endpoint node ls --format '{{.Status}} {{.ManagerStatus}}' | grep -cE '^Ready (Leader|Reachable)$') &&
        [ "$reachable" = ${#managers[@]} ]; do
        [ "$SECONDS" -lt "$deadline" ] || fail "not ready after $limit_seconds s"
    done
    local ended=$EPOCHREALTIME
    printf 'ready_seconds=%s\n' "$(awk -v a="$began" -v b="$ended" 'BEGIN { printf "%.2f", b - a }')"
}

case ${1:-} in
    down) down ;;
    up)
        up "${2:-}"
        say "endpoint tcp://$endpoint, credentials in $work_dir; remove both with: $0 down, rm -r $work_dir"
        ;;
    *)
        trap down EXIT
        up "${1:-}"
        ;;
esac
