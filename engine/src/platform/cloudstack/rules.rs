//! What leads from a network's public address to its machines: ports forwarded to one, and balanced among several.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::client::{Call, Failure, code};
use super::lists::{Balancer, Forward};
use super::network::{Access, Existing, FIRST_SSH_PORT, SSH_PORTS};
use super::{CloudStack, NAME, tags};
use crate::model::{ClusterId, Machine, NodeSpec, Owner, PortMapping, Protocol, Role};
use crate::platform::labels::description;
use crate::platform::{PlatformError, Retry};

/// The port of an SSH server.
pub(super) const SSH: u16 = 22;
/// How many public ports are tried for one that may be any.
const MOST_TRIED: u16 = 200;

/// How a port of a machine is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// At the same port as that of the other machines of its role, whichever answers.
    Balanced,
    /// At that public port.
    At(u16),
    /// At a public port that is free.
    Anywhere,
}

/// How a port is to be reached: what nobody asked another port for is the API of the machines of that role.
fn way(node: &NodeSpec, port: &PortMapping, balances: bool) -> Way {
    match port.host_port {
        None if node.role == Role::ControlPlane && balances => Way::Balanced,
        Some(same) if same == port.node_port && node.role == Role::ControlPlane && balances => {
            Way::Balanced
        }
        Some(host_port) => Way::At(host_port),
        None => Way::Anywhere,
    }
}

/// The public ports that nodes are to be reached at, where it is known which.
pub(super) fn public_ports(nodes: &[NodeSpec], balances: bool) -> BTreeSet<(u16, &'static str)> {
    let ports = nodes
        .iter()
        .flat_map(|node| node.ports.iter().map(move |port| (node, port)));
    let ports = ports.filter_map(|(node, port)| {
        let at = match way(node, port, balances) {
            Way::Balanced => port.node_port,
            Way::At(public) => public,
            Way::Anywhere => return None,
        };
        Some((at, protocol(port)))
    });
    ports.collect()
}

/// One of those ports that leads to something which is not the cluster's, and to what.
pub(super) fn leads_elsewhere(
    there: &Existing,
    balancers: &[Balancer],
    ports: &BTreeSet<(u16, &'static str)>,
    cluster: Option<ClusterId>,
) -> Option<(u16, String)> {
    let address = Some(&there.access.address_id);
    let at = |port: Option<u16>, wanted: u16| port == Some(wanted);
    ports.iter().find_map(|(port, protocol)| {
        let mut balancers = balancers.iter().filter(|balancer| {
            balancer.publicipid.as_ref() == address && at(balancer.publicport, *port)
        });
        let others = |balancer: &&Balancer| !cluster.is_some_and(|own| balancer.is_of(own));
        if let Some(balancer) = balancers.find(others) {
            return Some((*port, format!("load balancer rule {:?}", balancer.name)));
        }
        let forward = there.forwards.iter().find(|forward| {
            forward.ipaddressid.as_ref() == address
                && at(forward.publicport, *port)
                && forward.protocol.eq_ignore_ascii_case(protocol)
        })?;
        let leads_to = forward.virtualmachineid.as_ref();
        let mut machines = there.machines.iter();
        // What leads to a machine that is gone is cleared away.
        let machine = machines.find(|machine| leads_to == Some(&machine.id))?;
        let is_own = cluster.is_some() && machine.cluster() == cluster;
        (!is_own).then(|| (*port, format!("machine {:?}", machine.name)))
    })
}

pub(super) fn protocol(port: &PortMapping) -> &'static str {
    match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// Whether a public port is one that leads to an SSH server.
pub(super) fn is_for_ssh(port: u16) -> bool {
    (FIRST_SSH_PORT..FIRST_SSH_PORT + SSH_PORTS).contains(&port)
}

impl CloudStack {
    pub(super) async fn forwards(&self) -> Result<Vec<Forward>, PlatformError> {
        let call = self.list_of_ours("listPortForwardingRules").await?;
        let client = &self.shared.client;
        client
            .list("list forwarded ports", call, "portforwardingrule")
            .await
    }

    pub(super) async fn balancers(&self) -> Result<Vec<Balancer>, PlatformError> {
        let call = self.list_of_ours("listLoadBalancerRules").await?;
        let client = &self.shared.client;
        client
            .list("list load balancer rules", call, "loadbalancerrule")
            .await
    }

    /// Has the machine's SSH server be reached.
    pub(super) async fn lead_to_ssh(
        &self,
        owner: &Owner,
        access: &Access,
        machine: &Machine,
    ) -> Result<u16, PlatformError> {
        let address = machine.address;
        let port = access.ssh_port(address).ok_or_else(|| PlatformError::Refused {
            what: format!("lead to machine {}", machine.spec.name),
            reason: format!("{address} is not among the first {SSH_PORTS} addresses of its network"),
            help: Some(format!(
                "Machines are reached at ports {FIRST_SSH_PORT} to {} of the network's public address.",
                FIRST_SSH_PORT + SSH_PORTS - 1
            )),
            retry: Retry::Never,
        })?;
        match self
            .forward(owner, access, machine, "tcp", (port, SSH))
            .await
        {
            Err(failure) if failure.is_there_already() => {
                self.clear_port(access, machine, ("tcp", port), &failure)
                    .await?;
                let again = self
                    .forward(owner, access, machine, "tcp", (port, SSH))
                    .await;
                if let Err(failure) = again
                    && !failure.is_there_already()
                {
                    return Err(failure.into());
                }
            }
            forwarded => forwarded?,
        }
        Ok(port)
    }

    /// Removes what leads from a port to a machine that is gone. An error where it leads to one that is there.
    async fn clear_port(
        &self,
        access: &Access,
        machine: &Machine,
        (protocol, port): (&str, u16),
        failure: &Failure,
    ) -> Result<(), PlatformError> {
        let (forwards, machines) = tokio::try_join!(self.forwards(), self.machines())?;
        let in_the_way = forwards.iter().find(|forward| {
            forward.ipaddressid.as_ref() == Some(&access.address_id)
                && forward.publicport == Some(port)
                && forward.protocol.eq_ignore_ascii_case(protocol)
        });
        let leads_to = in_the_way.and_then(|forward| forward.virtualmachineid.as_ref());
        if leads_to == Some(&machine.id) {
            return Ok(());
        }
        let holder = leads_to.and_then(|id| machines.iter().find(|machine| machine.id == *id));
        match (in_the_way, holder) {
            (Some(forward), None) => self.remove_forward(&forward.id).await,
            (_, holder) => {
                let holder = holder.map_or_else(
                    || format!("something else ({failure:?})"),
                    |holder| format!("machine {}", holder.name),
                );
                Err(taken(access, port, &holder))
            }
        }
    }

    async fn remove_forward(&self, id: &str) -> Result<(), PlatformError> {
        let call = Call::new("deletePortForwardingRule").with("id", id);
        let client = &self.shared.client;
        client.remove("delete a forwarded port", call).await
    }

    async fn forward(
        &self,
        owner: &Owner,
        access: &Access,
        machine: &Machine,
        protocol: &str,
        (public, private): (u16, u16),
    ) -> Result<(), Failure> {
        let call = Call::new("createPortForwardingRule")
            .with("ipaddressid", access.address_id.as_str())
            .with("protocol", protocol)
            .with("publicport", public.to_string())
            .with("privateport", private.to_string())
            .with("virtualmachineid", machine.id.as_str())
            .with("networkid", access.network.as_str())
            // What is let in is said once for all machines.
            .with("openfirewall", "false");
        let cloud = self.clone();
        let what = format!(
            "lead port {public} of {} to {}",
            access.address, machine.spec.name
        );
        let make = async move { Ok(cloud.shared.client.carry_out(&what, call).await) };
        // It is the machine's, and has no tags: a call less for each node.
        self.shared.making.make(owner.cluster, make).await??;
        Ok(())
    }

    /// Has the ports of a machine be reached that its node publishes.
    pub(super) async fn publish(
        &self,
        owner: &Owner,
        access: &Access,
        machine: &mut Machine,
    ) -> Result<(), PlatformError> {
        for position in 0..machine.spec.ports.len() {
            let port = machine.spec.ports[position].clone();
            let at = match way(&machine.spec, &port, access.balances) {
                Way::Balanced => self.balance(owner, access, machine, &port).await?,
                Way::At(public) => {
                    self.publish_at(owner, access, machine, &port, public)
                        .await?
                }
                Way::Anywhere => self.publish_anywhere(owner, access, machine, &port).await?,
            };
            if !is_for_ssh(at) {
                self.let_in(owner, access, protocol(&port), (at, at))
                    .await?;
            }
            machine.spec.ports[position].host_port = Some(at);
            machine
                .published
                .insert(port.node_port, (access.address, at));
        }
        Ok(())
    }

    async fn publish_at(
        &self,
        owner: &Owner,
        access: &Access,
        machine: &Machine,
        port: &PortMapping,
        public: u16,
    ) -> Result<u16, PlatformError> {
        let protocol = protocol(port);
        let ports = (public, port.node_port);
        match self.forward(owner, access, machine, protocol, ports).await {
            Err(failure) if failure.is_there_already() => {
                self.clear_port(access, machine, (protocol, public), &failure)
                    .await?;
                match self.forward(owner, access, machine, protocol, ports).await {
                    Err(failure) if !failure.is_there_already() => Err(failure.into()),
                    _ => Ok(public),
                }
            }
            forwarded => Ok(forwarded.map(|()| public)?),
        }
    }

    async fn publish_anywhere(
        &self,
        owner: &Owner,
        access: &Access,
        machine: &Machine,
        port: &PortMapping,
    ) -> Result<u16, PlatformError> {
        let protocol = protocol(port);
        let forwards = self.forwards().await?;
        let mut here = forwards.iter().filter(|forward| {
            forward.ipaddressid.as_ref() == Some(&access.address_id)
                && forward.protocol.eq_ignore_ascii_case(protocol)
        });
        let taken_ports: Vec<u16> = here
            .clone()
            .filter_map(|forward| forward.publicport)
            .collect();
        let own = here.find(|forward| {
            forward.virtualmachineid.as_ref() == Some(&machine.id)
                && forward.privateport == Some(port.node_port)
        });
        if let Some(at) = own.and_then(|own| own.publicport) {
            return Ok(at);
        }
        let candidates = (port.node_port..=u16::MAX)
            .filter(|at| !is_for_ssh(*at) && !taken_ports.contains(at))
            .take(usize::from(MOST_TRIED));
        for at in candidates {
            let ports = (at, port.node_port);
            match self.forward(owner, access, machine, protocol, ports).await {
                // Another machine was faster.
                Err(failure) if failure.is(code::RULE_CONFLICT) => {}
                forwarded => return Ok(forwarded.map(|()| at)?),
            }
        }
        Err(taken(access, port.node_port, "others, and those after it"))
    }

    /// Has a machine answer for a port together with others.
    async fn balance(
        &self,
        owner: &Owner,
        access: &Access,
        machine: &Machine,
        port: &PortMapping,
    ) -> Result<u16, PlatformError> {
        let rule = {
            // Of the machines that are made at once one makes the rule.
            let _one = self.shared.balancing.lock().await;
            self.balancer_for(owner, access, port).await?
        };
        let what = format!(
            "have {} answer at port {}",
            machine.spec.name, port.node_port
        );
        let call = Call::new("assignToLoadBalancerRule")
            .with("id", rule)
            .with("virtualmachineids", machine.id.as_str());
        match self.shared.client.carry_out(&what, call).await {
            Err(failure) if failure.is_there_already() => {}
            assigned => drop(assigned?),
        }
        Ok(port.node_port)
    }

    /// The rule that balances a port; its id.
    async fn balancer_for(
        &self,
        owner: &Owner,
        access: &Access,
        port: &PortMapping,
    ) -> Result<String, PlatformError> {
        let is_it = |balancer: &&Balancer| {
            balancer.publicipid.as_ref() == Some(&access.address_id)
                && balancer.publicport == Some(port.node_port)
        };
        let there = self.balancers().await?;
        if let Some(there) = there.iter().find(is_it) {
            return if there.is_of(owner.cluster) {
                Ok(there.id.clone())
            } else {
                Err(taken(access, port.node_port, "another load balancer rule"))
            };
        }
        let what = format!("balance port {} of {}", port.node_port, access.address);
        let call = Call::new("createLoadBalancerRule")
            .with("name", format!("{}-{}", owner.cluster_name, port.node_port))
            .with("description", description(owner))
            .with("algorithm", "roundrobin")
            .with("publicipid", access.address_id.as_str())
            .with("publicport", port.node_port.to_string())
            .with("privateport", port.node_port.to_string())
            .with("protocol", protocol(port))
            .with("networkid", access.network.as_str())
            .with("openfirewall", "false");
        let cloud = self.clone();
        let asked = what.clone();
        let make = async move { Ok(cloud.shared.client.carry_out(&asked, call).await?) };
        let id = self.shared.making.make(owner.cluster, make).await?;
        let id = id.ok_or_else(|| PlatformError::Refused {
            what,
            reason: "the cloud does not tell the rule's id".to_owned(),
            help: None,
            retry: Retry::Later,
        })?;
        self.tag(owner, tags::Kind::Balancer, &id).await?;
        Ok(id)
    }

    /// Removes what leads to a machine.
    pub(super) async fn lead_nowhere(
        &self,
        owner: &Owner,
        machine: &str,
        is_balanced: bool,
    ) -> Result<(), PlatformError> {
        let forwards = self.forwards().await?;
        let own = forwards
            .iter()
            .filter(|forward| forward.virtualmachineid.as_deref() == Some(machine));
        for forward in own {
            self.remove_forward(&forward.id).await?;
        }
        if !is_balanced {
            return Ok(());
        }
        let balancers = self.balancers().await?;
        for balancer in balancers
            .iter()
            .filter(|balancer| balancer.is_of(owner.cluster))
        {
            let call = Call::new("removeFromLoadBalancerRule")
                .with("id", balancer.id.as_str())
                .with("virtualmachineids", machine);
            let what = "take a machine out of a load balancer rule";
            match self.shared.client.carry_out(what, call).await {
                // It was not in it.
                Err(failure) if failure.is(code::PARAMETER) => {}
                removed => drop(removed?),
            }
        }
        Ok(())
    }
}

/// Where the ports of a machine are reached, as the rules that are there say.
pub(super) fn published(
    machine: &mut Machine,
    access: Option<&Access>,
    forwards: &[Forward],
    balancers: &[Balancer],
) {
    let mut at: BTreeMap<u16, (IpAddr, u16)> = BTreeMap::new();
    for port in &mut machine.spec.ports {
        let forward = forwards.iter().find(|forward| {
            forward.virtualmachineid.as_ref() == Some(&machine.id)
                && forward.privateport == Some(port.node_port)
                && forward.protocol.eq_ignore_ascii_case(protocol(port))
        });
        let balanced = balancers.iter().find(|balancer| {
            machine.spec.role == Role::ControlPlane
                && balancer.is_of(machine.owner.cluster)
                && balancer.privateport == Some(port.node_port)
                && access.is_none_or(|access| balancer.publicip == access.address)
        });
        let forward = forward.and_then(|forward| Some((forward.ipaddress, forward.publicport?)));
        let balanced = balanced.and_then(|rule| Some((rule.publicip, rule.publicport?)));
        if let Some((address, public)) = forward.or(balanced) {
            port.host_port = Some(public);
            at.insert(port.node_port, (address, public));
        }
    }
    machine.published = at;
}

fn taken(access: &Access, port: u16, holder: &str) -> PlatformError {
    PlatformError::Refused {
        what: format!("lead from port {port} of {} to a machine", access.address),
        reason: format!("port {port} leads to {holder}"),
        help: Some(format!(
            "On the platform `{NAME}` ports are those of the network's public address: take another `host_port`."
        )),
        retry: Retry::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ImageName, NodeGroup};

    fn node(role: Role) -> NodeSpec {
        NodeSpec {
            name: "demo-x-1".parse().unwrap(),
            role,
            group: NodeGroup::Pool,
            image: ImageName(String::new()),
            flavor: None,
            ports: Vec::new(),
            mounts: Vec::new(),
            volumes: Vec::new(),
            labels: BTreeMap::new(),
        }
    }

    fn port(host_port: Option<u16>) -> PortMapping {
        PortMapping {
            node: "demo-x-1".parse().unwrap(),
            node_port: 2377,
            host_port,
            listen_address: IpAddr::from([127, 0, 0, 1]),
            protocol: Protocol::Tcp,
        }
    }

    #[test]
    fn the_api_is_balanced_where_the_network_can() {
        let control_plane = node(Role::ControlPlane);
        assert_eq!(way(&control_plane, &port(None), true), Way::Balanced);
        assert_eq!(way(&control_plane, &port(Some(2377)), true), Way::Balanced);
        assert_eq!(way(&control_plane, &port(Some(8000)), true), Way::At(8000));
        assert_eq!(way(&control_plane, &port(None), false), Way::Anywhere);
        assert_eq!(way(&node(Role::Worker), &port(None), true), Way::Anywhere);
    }
}
