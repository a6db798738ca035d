//! Keeps what the cluster knows, before another version writes to it.
//!
//! By etcd's JSON gateway on the control plane itself: what etcd keeps need not travel. The result is what
//! `etcdctl snapshot save` writes, with the sum that `etcdutl snapshot restore` checks.

use super::shell;
use crate::coe::CoeError;
use crate::transport::Exec;

/// Where it is kept: on the control plane's volume, the last one only.
const SNAPSHOT: &str = "/etc/kubernetes/coe/etcd-snapshot.db";

/// See `Coe::back_up`.
pub(super) async fn back_up(control_plane: &dyn Exec) -> Result<(), CoeError> {
    let script = format!(
        "set -e -o pipefail
umask 077
curl --silent --show-error --fail --request POST --data '{{}}' \\
    --cacert /etc/kubernetes/pki/etcd/ca.crt \\
    --cert /etc/kubernetes/pki/apiserver-etcd-client.crt \\
    --key /etc/kubernetes/pki/apiserver-etcd-client.key \\
    https://127.0.0.1:2379/v3/maintenance/snapshot |
    jq --raw-output --exit-status .result.blob | base64 --decode >{SNAPSHOT}.new
mv {SNAPSHOT}.new {SNAPSHOT}"
    );
    let what = "keep a snapshot of etcd";
    shell::succeed(control_plane, what, shell::script(script)).await
}
