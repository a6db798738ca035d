//! What is wrong with a request for machines of a cloud, whichever it is. Pure.

use crate::model::{ClusterId, ClusterSpec, Finding, ObservedCluster, Owner, Subject};

/// What a machine of a cloud cannot be given.
pub(super) fn not_here(spec: &ClusterSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    for position in 0..spec.preload_images.len() {
        findings.push(Finding::error(
            Subject::PreloadImage(position),
            "there is no image to preload",
            "This platform has no images that it could bring to nodes. Let nodes pull it.",
        ));
    }
    for position in 0..spec.mounts.len() {
        findings.push(Finding::error(
            Subject::Mount(position),
            "servers of a cloud have no host",
            "A machine's folders are its own: there is no host that they could come from. Leave it out.",
        ));
    }
    findings
}

/// A machine is not made again of something else: what its node keeps is in it.
pub(super) fn not_again(spec: &ClusterSpec, observed: Option<&ObservedCluster>) -> Vec<Finding> {
    let Some(before) = observed.and_then(|observed| observed.record.as_ref()) else {
        return Vec::new();
    };
    let before = &before.spec;
    let detail = "What a node keeps is on its machine's own disk, and would be lost with it. Make another cluster.";
    let mut findings = Vec::new();
    if before.image != spec.image {
        let summary = "machines of a cloud are not made again from another image yet";
        findings.push(Finding::error(Subject::Image, summary, detail));
    }
    for (was, is, subject) in [
        (&before.flavor, &spec.flavor, Subject::Flavor),
        (
            &before.control_plane_flavor,
            &spec.control_plane_flavor,
            Subject::ControlPlaneFlavor,
        ),
    ] {
        if was != is {
            let summary = "machines of a cloud are not made again with another flavor yet";
            findings.push(Finding::error(subject, summary, detail));
        }
    }
    findings
}

/// Something has a name that the cluster's own would have. `None`: it is the cluster's own.
pub(super) fn foreign(
    kind: &str,
    name: &str,
    owner: Option<&Owner>,
    cluster: Option<ClusterId>,
) -> Option<Finding> {
    let holder = owner.map(|owner| owner.cluster);
    if holder.is_some() && holder == cluster {
        return None;
    }
    let whose = owner.map_or_else(
        || "It was not made here".to_owned(),
        |owner| format!("It belongs to cluster {:?}", owner.cluster_name.as_str()),
    );
    let finding = Finding::error(
        Subject::Name,
        format!("{kind} {name:?} exists already and does not belong to this cluster"),
        format!(
            "{whose} and is not touched. Take another name for the cluster, or remove the {kind}."
        ),
    );
    Some(finding.held_by(holder))
}
