//! What can be known to be wrong with a request before anything is made.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::Engine;
use crate::error::EngineError;
use crate::model::{
    ClusterSpec, Finding, NetworkSpec, NodeSpec, NodeVolume, ObservedCluster, Role, Severity,
    Subject,
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
        let needs = CoeNeeds::of(driver.as_ref(), spec, false);
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
        let record = observed.and_then(|observed| observed.record.as_ref());
        if needs.has_balancer(spec, record) {
            check_subnet_with_balancer(spec, &mut findings);
        }
        // Where the names have no room, that is among the findings already.
        let Ok(nodes) = nodes_to_make(spec, observed, &needs) else {
            return Ok(findings);
        };
        let question = || self.0.platform.check(spec, &nodes, observed);
        findings.extend(self.ask(bounds, question).await?);
        let mut made = nodes;
        // Control planes that are there are made again where their flavor is another one.
        let flavor = |spec: &ClusterSpec| spec.control_plane_flavor.clone().or(spec.flavor.clone());
        if record.is_some_and(|record| flavor(&record.spec) != flavor(spec))
            && let Ok(names) = pool_names(&spec.name, Role::ControlPlane, 1)
        {
            let node = |name| pool_node(spec, &needs, name, Role::ControlPlane);
            made.extend(names.iter().map(node));
        }
        findings.extend(self.too_small(spec, &made, bounds).await?);
        Ok(findings)
    }

    /// Which of the nodes would be smaller than their COE needs them, once for each flavor.
    pub(super) async fn too_small(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        bounds: &Bounds,
    ) -> Result<Vec<Finding>, EngineError> {
        let driver = self.driver(spec.coe)?;
        let mut findings = Vec::new();
        let mut asked = BTreeSet::new();
        for node in nodes {
            let Some(least) = driver.least_size(node.role) else {
                continue;
            };
            if !asked.insert((node.role.as_str(), node.flavor.as_ref())) {
                continue;
            }
            let question = || self.0.platform.size_of(node.flavor.as_ref());
            let size = self.ask(bounds, question).await?;
            let Some(size) = size.filter(|size| !size.has(least)) else {
                continue;
            };
            let subject = match node.role {
                Role::ControlPlane if spec.control_plane_flavor.is_some() => {
                    Subject::ControlPlaneFlavor
                }
                _ => Subject::Flavor,
            };
            let flavor = node.flavor.as_ref();
            let flavor =
                flavor.map_or("the default flavor".to_owned(), |it| format!("flavor {it}"));
            findings.push(Finding::error(
                subject,
                format!("{flavor} is too small for a {} of {}", node.role, spec.coe),
                format!("It has {size}; {least} are needed at the least. Take a larger one."),
            ));
        }
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
    if let NetworkSpec::Subnet(subnet) = spec.network
        && nodes_of(spec) > capacity(subnet)
    {
        findings.push(too_small(subnet, &format!("{} nodes", nodes_of(spec))));
    }
}

/// The same where a balancer wants an address too: that of one node more would be the balancer's.
fn check_subnet_with_balancer(spec: &ClusterSpec, findings: &mut Vec<Finding>) {
    if let NetworkSpec::Subnet(subnet) = spec.network
        && nodes_of(spec) == capacity(subnet)
    {
        let wanted = format!("{} nodes and the balancer", nodes_of(spec));
        findings.push(too_small(subnet, &wanted));
    }
}

fn nodes_of(spec: &ClusterSpec) -> u64 {
    u64::from(spec.control_planes.get()) + u64::from(spec.workers)
}

fn too_small(subnet: IpNet, wanted: &str) -> Finding {
    Finding::error(
        Subject::Network,
        format!("subnet {subnet} is too small for {wanted}"),
        format!(
            "It has addresses for {}: the first, the last and the gateway's are not for nodes. Choose a shorter \
             prefix.",
            capacity(subnet)
        ),
    )
}

fn check_ports(spec: &ClusterSpec, findings: &mut Vec<Finding>) {
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
        let earlier = spec.ports[..position]
            .iter()
            .position(|earlier| port.excludes(earlier));
        if let (Some(host_port), Some(earlier)) = (port.host_port, earlier) {
            findings.push(Finding::error(
                Subject::Port(position),
                format!(
                    "port {host_port} of {} is published twice",
                    port.listen_address
                ),
                format!(
                    "Number {} of the list has it already: each port of the host leads to one port of one node.",
                    earlier + 1
                ),
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
    let own = needs
        .control_plane_volumes
        .iter()
        .chain(&needs.worker_volumes);
    let own: BTreeMap<String, &NodeVolume> =
        own.map(|volume| (spelled(&volume.path), volume)).collect();
    let mut taken: BTreeMap<String, String> = own
        .iter()
        .map(|(path, volume)| {
            (
                path.clone(),
                format!("the COE's own volume {}", volume.name),
            )
        })
        .collect();
    for (position, mount) in spec.mounts.iter().enumerate() {
        let holder = format!("number {} of the mounts", position + 1);
        findings.extend(
            take(&mut taken, &mount.node_path, holder)
                .map(|clash| clash.at(Subject::Mount(position))),
        );
    }
    let mut names = BTreeSet::new();
    for (position, volume) in spec.volumes.iter().enumerate() {
        let subject = Subject::Volume(position);
        if !volume.path.starts_with('/') {
            findings.push(Finding::error(
                subject.clone(),
                format!("{:?} is not an absolute path", volume.path),
                "Begin it with `/`.",
            ));
        }
        let is_own = own.values().any(|own| own.name == volume.name);
        if is_own || !names.insert(&volume.name) {
            let whose = if is_own {
                "the COE's own"
            } else {
                "there twice"
            };
            findings.push(Finding::error(
                subject.clone(),
                format!("volume {} is {whose}", volume.name),
                "Each volume of a node has its own name: choose another one.",
            ));
        }
        let holder = format!("volume {}", volume.name);
        findings.extend(take(&mut taken, &volume.path, holder).map(|clash| clash.at(subject)));
    }
}

/// Two things that nodes would see at one path.
struct Clash {
    path: String,
    holder: String,
}

impl Clash {
    fn at(self, subject: Subject) -> Finding {
        Finding::error(
            subject,
            format!("{} is taken on the nodes", self.path),
            format!("It is where {} is seen. Choose another path.", self.holder),
        )
    }
}

/// Has `holder` take the path; what is in the way if something has it already.
fn take(taken: &mut BTreeMap<String, String>, path: &str, holder: String) -> Option<Clash> {
    let path = spelled(path);
    if let Some(holder) = taken.get(&path).cloned() {
        return Some(Clash { path, holder });
    }
    taken.insert(path, holder);
    None
}

/// The path in the one spelling that all spellings of it have in common.
fn spelled(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mount, PortMapping, Protocol, VolumeLife};

    fn found(spec: &ClusterSpec) -> Vec<(Subject, String)> {
        Engine::check_offline(spec)
            .into_iter()
            .map(|finding| (finding.subject, finding.summary))
            .collect()
    }

    fn mount(node_path: &str) -> Mount {
        Mount {
            host_path: "/srv".to_owned(),
            node_path: node_path.to_owned(),
            read_only: false,
        }
    }

    fn volume(name: &str, path: &str) -> NodeVolume {
        NodeVolume {
            name: name.to_owned(),
            path: path.to_owned(),
            size: None,
            life: VolumeLife::Node,
        }
    }

    #[test]
    fn two_things_at_one_path_of_the_nodes_are_found() {
        let spec = ClusterSpec {
            mounts: vec![mount("/srv"), mount("//srv/"), mount("/var/lib/docker")],
            volumes: vec![
                volume("logs", "/logs"),
                volume("more", "/srv/."),
                volume("logs", "/other"),
                volume("data", "/data"),
            ],
            ..ClusterSpec::smallest("bar")
        };
        let expected = [
            (Subject::Mount(1), "/srv is taken on the nodes"),
            (Subject::Mount(2), "/var/lib/docker is taken on the nodes"),
            (Subject::Volume(1), "/srv is taken on the nodes"),
            (Subject::Volume(2), "volume logs is there twice"),
            (Subject::Volume(3), "volume data is the COE's own"),
        ];
        assert_eq!(
            found(&spec),
            expected.map(|(subject, summary)| (subject, summary.to_owned()))
        );
    }

    #[test]
    fn two_nodes_on_one_port_of_the_host_are_found() {
        let port = |listen_address: &str, protocol| PortMapping {
            node: "bar-control-plane-1".parse().unwrap(),
            node_port: 80,
            host_port: Some(8080),
            listen_address: listen_address.parse().unwrap(),
            protocol,
        };
        let spec = ClusterSpec {
            ports: vec![
                port("127.0.0.1", Protocol::Tcp),
                port("127.0.0.1", Protocol::Udp),
                port("127.0.0.2", Protocol::Tcp),
                // Everywhere is there as well.
                port("0.0.0.0", Protocol::Tcp),
            ],
            ..ClusterSpec::smallest("bar")
        };
        let summary = "port 8080 of 0.0.0.0 is published twice".to_owned();
        assert_eq!(found(&spec), [(Subject::Port(3), summary)]);
    }
}
