//! What can be known to be wrong with a request before anything is made.

use std::collections::BTreeSet;

use super::Engine;
use crate::error::EngineError;
use crate::model::{
    ClusterSpec, Finding, NetworkSpec, NodeSpec, ObservedCluster, Role, Severity, Subject,
};
use crate::operation::Operation;
use crate::plan::{CoeNeeds, capacity, pool, pool_names, pool_node, pool_role};
use crate::registry;
use crate::scheduler::Bounds;

impl Engine {
    /// Everything that is wrong with the request as far as it can be known without the platform: room
    /// for node names and addresses, ports, mounts, volumes, the COE's labels and version. Pure.
    pub fn check_offline(spec: &ClusterSpec) -> Vec<Finding> {
        let drivers = registry::drivers();
        let Some(driver) = drivers.iter().find(|driver| driver.kind() == spec.coe) else {
            return vec![Finding::error(
                Subject::Cluster,
                format!("there is no driver for {}", spec.coe),
                "Use a COE that this build drives.",
            )];
        };
        let needs = CoeNeeds::of(driver.as_ref(), spec);
        let mut findings = Vec::new();
        check_names(spec, &mut findings);
        check_subnet(spec, &mut findings);
        check_ports(spec, &mut findings);
        check_paths(spec, &needs, &mut findings);
        findings.extend(driver.check(spec));
        findings
    }

    /// Everything that can be known to be wrong before a write: what [`Engine::check_offline`] finds, and
    /// what the platform finds. A finished cluster of that name is not among it: only the caller knows
    /// whether that one goes before the new one comes. [`Engine::create`] refuses to make a second one.
    pub async fn check(
        &self,
        spec: &ClusterSpec,
        observed: Option<&ObservedCluster>,
    ) -> Result<Vec<Finding>, EngineError> {
        self.check_within(spec, observed, &Bounds::for_look()).await
    }

    async fn check_within(
        &self,
        spec: &ClusterSpec,
        observed: Option<&ObservedCluster>,
        bounds: &Bounds,
    ) -> Result<Vec<Finding>, EngineError> {
        let mut findings = Self::check_offline(spec);
        let needs = self.needs(spec)?;
        // Where the names have no room, that is among the findings already.
        let Ok(nodes) = nodes_to_make(spec, observed, &needs) else {
            return Ok(findings);
        };
        let question = || self.0.platform.check(spec, &nodes, observed);
        findings.extend(self.ask(bounds, question).await?);
        Ok(findings)
    }

    /// An error if something is wrong with the request.
    pub(super) async fn refuse_invalid(
        &self,
        spec: &ClusterSpec,
        observed: Option<&ObservedCluster>,
        operation: &Operation,
    ) -> Result<(), EngineError> {
        let bounds = Bounds::of(operation);
        refuse(self.check_within(spec, observed, &bounds).await?)
    }
}

/// An error of those findings that stop a write, if there are any.
pub(super) fn refuse(mut findings: Vec<Finding>) -> Result<(), EngineError> {
    findings.retain(|finding| finding.severity == Severity::Error);
    if findings.is_empty() {
        Ok(())
    } else {
        Err(EngineError::Invalid(findings))
    }
}

/// The nodes of the pool that have no machine.
fn nodes_to_make(
    spec: &ClusterSpec,
    observed: Option<&ObservedCluster>,
    needs: &CoeNeeds,
) -> Result<Vec<NodeSpec>, crate::model::InvalidName> {
    let mut nodes = Vec::new();
    for (role, count) in [
        (Role::ControlPlane, spec.control_planes.get()),
        (Role::Worker, spec.workers),
    ] {
        let names = match observed {
            Some(observed) => pool(observed, spec, role, count)?,
            None => pool_names(&spec.name, role, count)?,
        };
        let missing = names
            .into_iter()
            .filter(|name| !observed.is_some_and(|seen| seen.machines.contains_key(name)));
        nodes.extend(missing.map(|name| pool_node(spec, needs, &name, role)));
    }
    Ok(nodes)
}

fn check_names(spec: &ClusterSpec, findings: &mut Vec<Finding>) {
    for (role, count) in [
        (Role::ControlPlane, spec.control_planes.get()),
        (Role::Worker, spec.workers),
    ] {
        if count > 0
            && let Err(error) = spec.name.node(role, count)
        {
            findings.push(Finding::error(
                Subject::Name,
                format!("{} is too long: {error}", spec.name),
                format!("Nodes are named after the cluster. Shorten the name, so that its {role}s have room for theirs."),
            ));
            return;
        }
    }
}

fn check_subnet(spec: &ClusterSpec, findings: &mut Vec<Finding>) {
    let NetworkSpec::Subnet(subnet) = spec.network else {
        return;
    };
    let nodes = u64::from(spec.control_planes.get()) + u64::from(spec.workers);
    let room = capacity(subnet);
    if nodes > room {
        findings.push(Finding::error(
            Subject::Network,
            format!("subnet {subnet} is too small for {nodes} nodes"),
            format!(
                "It has addresses for {room}: the first, the last and the gateway's are not for \
                 nodes. Choose a shorter prefix."
            ),
        ));
    }
}

fn check_ports(spec: &ClusterSpec, findings: &mut Vec<Finding>) {
    let mut taken = BTreeSet::new();
    for (position, port) in spec.ports.iter().enumerate() {
        let count = |role| match role {
            Role::ControlPlane => spec.control_planes.get(),
            Role::Worker => spec.workers,
        };
        let is_node = pool_role(&spec.name, &port.node).is_some_and(|role| {
            pool_names(&spec.name, role, count(role)).is_ok_and(|names| names.contains(&port.node))
        });
        if !is_node {
            findings.push(Finding::error(
                Subject::Port(position),
                format!("the cluster has no node named {}", port.node),
                format!(
                    "Name one of its nodes: {}-control-plane-1 to -{}{}.",
                    spec.name,
                    spec.control_planes.get(),
                    match spec.workers {
                        0 => String::new(),
                        workers => format!(", {}-worker-1 to -{workers}", spec.name),
                    }
                ),
            ));
        }
        let Some(host_port) = port.host_port else {
            continue;
        };
        if !taken.insert((port.listen_address, host_port, port.protocol)) {
            findings.push(Finding::error(
                Subject::Port(position),
                format!(
                    "port {host_port} of {} is published twice",
                    port.listen_address
                ),
                "Each port of the host leads to one port of one node.",
            ));
        }
    }
}

fn check_paths(spec: &ClusterSpec, needs: &CoeNeeds, findings: &mut Vec<Finding>) {
    for (position, mount) in spec.mounts.iter().enumerate() {
        for path in [&mount.host_path, &mount.node_path] {
            if !path.starts_with('/') {
                findings.push(Finding::error(
                    Subject::Mount(position),
                    format!("{path:?} is not an absolute path"),
                    "Begin it with `/`.",
                ));
            }
        }
    }
    let own: Vec<_> = needs
        .control_plane_volumes
        .iter()
        .chain(&needs.worker_volumes)
        .collect();
    let mut names = BTreeSet::new();
    let mut paths = BTreeSet::new();
    for (position, volume) in spec.volumes.iter().enumerate() {
        let subject = Subject::Volume(position);
        if !volume.path.starts_with('/') {
            findings.push(Finding::error(
                subject.clone(),
                format!("{:?} is not an absolute path", volume.path),
                "Begin it with `/`.",
            ));
        }
        let clash = own
            .iter()
            .find(|own| own.name == volume.name || own.path == volume.path);
        if let Some(own) = clash {
            findings.push(Finding::error(
                subject,
                format!("volume {} at {} is the COE's own", own.name, own.path),
                "Choose another name and path.",
            ));
        } else if !names.insert(&volume.name) || !paths.insert(&volume.path) {
            findings.push(Finding::error(
                subject,
                format!("volume {} at {} is there twice", volume.name, volume.path),
                "Each volume has its own name and its own path.",
            ));
        }
    }
}
