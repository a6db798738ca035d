# Makes the machine the node and starts its service. Arguments: the node, its cluster, and the command.
set -eu
node=$1 cluster=$2 program=$3
shift 3
mkdir -p /var/lib/coe
path=$(command -v "$program")
hostname "$node"
# In place: where the machine is a container these files are mounts.
printf '%s\n' "$node" >/etc/hostname
grep -q "[[:space:]]$node # coe\$" /etc/hosts || printf '127.0.1.1 %s # coe\n' "$node" >>/etc/hosts
cat >/etc/systemd/system/coe-node.service <<UNIT
[Unit]
Description=Node $node of cluster $cluster
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStartPre=-/bin/hostname $node
ExecStart=$path $*
Restart=always
RestartSec=1
Delegate=yes
TasksMax=infinity

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable coe-node.service >/dev/null 2>&1
systemctl restart coe-node.service
