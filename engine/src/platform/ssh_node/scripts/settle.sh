# Waits until the machine has started what its image starts: who has something open then is what a node is made of.
# What has failed to start is none of it, or is found missing later.
timeout 300 systemctl is-system-running --wait >/dev/null 2>&1 || true
