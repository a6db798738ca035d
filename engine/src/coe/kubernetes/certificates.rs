//! The certificates of control planes, which kubeadm makes for a year: when they end, and new ones.
//!
//! Kubelets renew their own. Those of a control plane are as old as its node, unless they were renewed since, which
//! is noted on the node: one look at all nodes tells of them all.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Node;
use kube_core::ResourceExt as _;

use super::members::is_control_plane;
use super::{API_PORT, boot, shell};
use crate::coe::{CoeError, NodeAccess};
use crate::model::NodeName;

/// When they were renewed.
const RENEWED: &str = "io.coe/certificates-renewed";
/// How long they last: kubeadm's `certificateValidityPeriod`.
const LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How long before their end they are renewed: who applies once a month does so in time.
const BEFORE_END: SignedDuration = SignedDuration::from_hours(60 * 24);
/// How long a component may take to serve again: several times as long as on a slow machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// When the node's certificates end, where they have to be renewed by now.
pub(super) fn expire(node: &Node, now: Timestamp) -> Option<Timestamp> {
    if !is_control_plane(node) {
        return None;
    }
    let renewed = node.annotations().get(RENEWED);
    let renewed = renewed.and_then(|renewed| renewed.parse::<Timestamp>().ok());
    let registered = || node.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let end = renewed.or_else(registered)?.checked_add(LIFE).ok()?;
    let latest = end.checked_sub(BEFORE_END).ok()?;
    (now >= latest).then_some(end)
}

/// The part of a script that notes that they have been renewed at the moment that `$renewed` says.
pub(super) fn note_renewal(node: &NodeName) -> String {
    format!(
        "kubectl --kubeconfig /etc/kubernetes/admin.conf annotate node {node} --overwrite \"{RENEWED}=$renewed\""
    )
}

/// The part of a script that remembers the moment before they are.
pub(super) const BEGIN_RENEWAL: &str = "renewed=$(date --utc +%Y-%m-%dT%H:%M:%SZ)";

/// See `Coe::renew_certificates`. What runs has read the old ones, and is started anew for the new ones; etcd reads its
/// own at each connection (kubeadm's documentation, "Manual certificate renewal").
pub(super) async fn renew(node: &NodeAccess<'_>) -> Result<(), CoeError> {
    let name = node.exec.node();
    let script = format!(
        r#"set -e
{alone}
{BEGIN_RENEWAL}
kubeadm certs renew all >/dev/null
of() {{ pgrep --full --oldest "^$1 " || true; }}
restart() {{
    local before now until=$((SECONDS + {patience}))
    before=$(of "$1")
    [ -z "$before" ] || kill "$before"
    until now=$(of "$1") && [ -n "$now" ] && [ "$now" != "$before" ] && (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; do
        [ $SECONDS -lt $until ] || {{ printf '%s does not come back\n' "$1" >&2; exit 1; }}
        sleep 0.1
    done
}}
api() {{ kubectl --kubeconfig /etc/kubernetes/admin.conf --server https://{address}:{API_PORT} --request-timeout 5s "$@"; }}
restart kube-apiserver {API_PORT}
until api get --raw /readyz >/dev/null 2>&1; do
    [ $SECONDS -lt {patience} ] || {{ api get --raw /readyz >&2; exit 1; }}
    sleep 0.1
done
restart kube-controller-manager 10257
restart kube-scheduler 10259
{note_renewal}"#,
        alone = boot::alone(boot::KUBEADM),
        address = node.address,
        patience = PATIENCE.as_secs(),
        note_renewal = note_renewal(name),
    );
    shell::succeed(node.exec, "renew the certificates", shell::script(script)).await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(labels: &Value, annotations: &Value) -> Node {
        let node = json!({ "metadata": {
            "name": "a-1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": labels,
            "annotations": annotations,
        } });
        serde_json::from_value(node).unwrap()
    }

    #[test]
    fn certificates_of_control_planes_are_renewed_before_their_year_is_over() {
        let control_plane = json!({ "node-role.kubernetes.io/control-plane": "" });
        let never = json!({});
        let renewed = json!({ "io.coe/certificates-renewed": "2026-06-01T00:00:00Z" });
        let first = Some("2027-01-01T00:00:00Z");
        let second = Some("2027-06-01T00:00:00Z");
        for (labels, annotations, now, expected) in [
            (&control_plane, &never, "2026-11-01T00:00:00Z", None),
            (&control_plane, &never, "2026-11-03T00:00:00Z", first),
            (&control_plane, &never, "2027-03-01T00:00:00Z", first),
            (&control_plane, &renewed, "2027-03-01T00:00:00Z", None),
            (&control_plane, &renewed, "2027-05-01T00:00:00Z", second),
            (&json!({}), &never, "2027-03-01T00:00:00Z", None),
        ] {
            let end = expire(&node(labels, annotations), now.parse().unwrap());
            let expected = expected.map(|end| end.parse::<Timestamp>().unwrap());
            assert_eq!(end, expected, "{annotations} at {now}");
        }
    }
}
