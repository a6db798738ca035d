# Makes the machine the node and starts the services of its image that the node is made of. Argument: the node.
set -eu
node=$1
hostname "$node"
# In place: where the machine is a container these files are mounts.
printf '%s\n' "$node" >/etc/hostname
grep -q "[[:space:]]$node # coe\$" /etc/hosts || printf '127.0.1.1 %s # coe\n' "$node" >>/etc/hosts
# A node that was stopped stays so when its machine starts.
for unit in $(services); do
    mkdir -p "/etc/systemd/system/$unit.d"
    printf '[Unit]\nConditionPathExists=!/var/lib/coe/stopped\n' >"/etc/systemd/system/$unit.d/00-coe-stopped.conf"
done
systemctl daemon-reload
rm -f /var/lib/coe/stopped
for unit in $(services); do systemctl start "$unit"; done
