# Replaces the record of a cluster as a whole. Argument: the cluster.
set -eu
umask 077
folder=/var/lib/coe/clusters/$1
mkdir -p "$folder"
cd "$folder"
cat >record.json.new
mv -f record.json.new record.json
