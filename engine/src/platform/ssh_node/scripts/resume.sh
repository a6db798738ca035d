# Starts the node's services, now and with the machine.
rm -f /var/lib/coe/stopped
if [ -e /etc/systemd/system/coe-node.service ]; then
    systemctl enable coe-node.service >/dev/null 2>&1
    systemctl start coe-node.service || exit
fi
for unit in $(services); do systemctl start "$unit" || exit; done
