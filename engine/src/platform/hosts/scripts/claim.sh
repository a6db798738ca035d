# Takes the claim on a cluster, or says who has it. Arguments: the cluster, the operation, and the one in whose place
# it comes. The claim is read from the standard input.
set -eu
umask 077
folder=/var/lib/coe/clusters/$1
mkdir -p "$folder"
cd "$folder"
exec 9>lock
flock 9
if [ -e claim.json ] && ! grep -qF -e "\"operation\":\"$2\"" -e "\"operation\":\"$3\"" claim.json; then
    cat claim.json
    exit 0
fi
cat >claim.json.new
mv -f claim.json.new claim.json
