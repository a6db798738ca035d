//! What can be known to be wrong with a request before a machine is touched.

use super::{Hosts, NAME};
use crate::error::chain;
use crate::model::{ClusterSpec, Finding, NetworkSpec, NodeSpec, ObservedCluster, Role, Subject};
use crate::platform::PlatformError;

impl Hosts {
    /// See `Platform::check`.
    pub(super) async fn check_request(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, PlatformError> {
        let mut findings = not_here(spec);
        if nodes.is_empty() {
            return Ok(findings);
        }
        let sight = match self.look().await {
            Ok(sight) => sight,
            // Nobody answers: that is what is wrong, and said once.
            Err(error) => {
                findings.push(Finding::error(
                    Subject::Cluster,
                    "no machine answers",
                    chain(&error),
                ));
                return Ok(findings);
            }
        };
        let owner = observed.map(|observed| &observed.owner);
        let mut others_take = Vec::new();
        for (role, subject) in [
            (Role::ControlPlane, Subject::ControlPlanes),
            (Role::Worker, Subject::Workers),
        ] {
            let has_one = |node: &&NodeSpec| {
                observed.is_some_and(|seen| !sight.of_node(seen.id, &node.name).is_empty())
            };
            let wanted = nodes.iter().filter(|node| node.role == role);
            let wanted = wanted.filter(|node| !has_one(node)).count();
            let mut free = self.free_machines(&sight, owner, role);
            free.retain(|name| !others_take.contains(name));
            if wanted > free.len() {
                let why = self.why_not(&sight, role);
                let why = if why.is_empty() {
                    String::new()
                } else {
                    format!("The others are not: {}. ", why.join("; "))
                };
                findings.push(Finding::error(
                    subject,
                    format!(
                        "{wanted} more machines are needed for {role}s, and {} are free",
                        free.len()
                    ),
                    format!("{why}Name more machines in `{NAME}`, or ask for fewer nodes."),
                ));
            }
            others_take.extend(free.into_iter().take(wanted));
        }
        Ok(findings)
    }
}

/// What a machine that exists cannot be given.
fn not_here(spec: &ClusterSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refuse = |subject, what: &str, detail: &str| {
        findings.push(Finding::error(subject, what.to_owned(), detail.to_owned()));
    };
    if spec.image.is_some() {
        let detail = "Machines exist already, and what is missing on them is installed from packages. Leave it out.";
        refuse(
            Subject::Image,
            "machines that exist are made from no image",
            detail,
        );
    }
    let size = "A machine has the size that it has. Leave it out.";
    if spec.flavor.is_some() {
        refuse(Subject::Flavor, "machines that exist have no flavor", size);
    }
    if spec.control_plane_flavor.is_some() {
        let subject = Subject::ControlPlaneFlavor;
        refuse(subject, "machines that exist have no flavor", size);
    }
    if spec.network != NetworkSpec::Isolated {
        let detail = "Machines are in the network that they are in. Leave it out.";
        refuse(
            Subject::Network,
            "machines that exist get no network",
            detail,
        );
    }
    for position in 0..spec.preload_images.len() {
        let detail = "This platform has no images that it could bring to nodes. Let nodes pull it.";
        refuse(
            Subject::PreloadImage(position),
            "there is no image to preload",
            detail,
        );
    }
    for position in 0..spec.ports.len() {
        let detail =
            "Each machine is reached at its own address, at all of its ports. Leave it out.";
        refuse(
            Subject::Port(position),
            "machines that exist publish no ports",
            detail,
        );
    }
    for position in 0..spec.mounts.len() {
        let detail = "A machine's folders are its own: there is no host that they could come from. Leave it out.";
        refuse(
            Subject::Mount(position),
            "machines that exist have no host",
            detail,
        );
    }
    findings
}
