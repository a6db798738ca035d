# Gives the machine a host key that nobody else has seen, and says its public part. The connection on which this runs
# goes on.
set -eu
umask 077
cd /etc/ssh
rm -f coe-new coe-new.pub
ssh-keygen -q -t ed25519 -N '' -C '' -f coe-new
chmod 0644 coe-new.pub
mv -f coe-new ssh_host_ed25519_key
mv -f coe-new.pub ssh_host_ed25519_key.pub
systemctl reload ssh 2>/dev/null || systemctl reload sshd
cat ssh_host_ed25519_key.pub
