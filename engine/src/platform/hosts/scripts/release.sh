# Gives back the claim of an operation. Arguments: the cluster, the operation.
set -eu
cd "/var/lib/coe/clusters/$1" 2>/dev/null || exit 0
exec 9>lock
flock 9
! grep -qsF "\"operation\":\"$2\"" claim.json || rm -f claim.json
[ -e record.json ] || [ -e claim.json ] || [ -e gone ] || rm -rf "/var/lib/coe/clusters/$1"
