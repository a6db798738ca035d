//! The network of a cluster: an isolated one with source NAT, its public address, and what that lets in.
//!
//! Guarantees: asked twice, there is one of each; what is half made is completed. A network says its owner in its
//! display text, from the call that makes it; what is in it is the owner's too.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::catalog::{BALANCES, NEEDED_SERVICES};
use super::client::Call;
use super::lists::{
    FirewallRule, Forward, ListedMachine, ListedNetwork, PublicAddress, has, tags_tell_of,
};
use super::{CloudStack, tags};
use crate::model::{Carries, ClusterId, Network, NetworkSpec, Owner};
use crate::platform::labels::description;
use crate::platform::{PlatformError, Retry, subnets};

/// The public ports that lead to SSH servers of machines: the first one's, and how many there are.
pub(super) const FIRST_SSH_PORT: u16 = 2222;
pub(super) const SSH_PORTS: u16 = 1000;
/// One in the midst of them that leads to the API of clusters, and to no SSH server.
const API_IN_THE_MIDST: u16 = 2376;

/// How a network is reached from outside.
#[derive(Debug, Clone)]
pub(super) struct Access {
    /// The network.
    pub(super) network: String,
    subnet: IpNet,
    gateway: Option<IpAddr>,
    /// Its public address.
    pub(super) address: IpAddr,
    /// The cloud's id of that.
    pub(super) address_id: String,
    /// Whether there is a load balancer.
    pub(super) balances: bool,
}

impl Access {
    /// How a listed network is reached; `None`: it has no public address.
    pub(super) fn of(network: &ListedNetwork, addresses: &[PublicAddress]) -> Option<Self> {
        let of_network = addresses
            .iter()
            .filter(|address| address.associatednetworkid.as_ref() == Some(&network.id));
        let address = of_network.max_by_key(|address| address.issourcenat)?;
        Some(Self {
            network: network.id.clone(),
            subnet: network.cidr?,
            gateway: network.gateway,
            address: address.ipaddress,
            address_id: address.id.clone(),
            balances: has(&network.service, BALANCES),
        })
    }

    /// The public port that leads to the SSH server of the machine with that address: the machine's place in its subnet
    /// tells, so that nobody has to look which ones are free.
    pub(super) fn ssh_port(&self, address: IpAddr) -> Option<u16> {
        let place = |address: IpAddr| match (address, self.subnet) {
            (IpAddr::V4(address), IpNet::V4(subnet)) => {
                u32::from(address).checked_sub(u32::from(subnet.network()))
            }
            _ => None,
        };
        let own = place(address)?.checked_sub(1)?;
        let gateway = self.gateway.and_then(place);
        let before = gateway.is_some_and(|gateway| gateway <= own);
        let number = u16::try_from(own - u32::from(before)).ok()?;
        let port = FIRST_SSH_PORT.checked_add(number)?;
        let port = port.checked_add(u16::from(port >= API_IN_THE_MIDST))?;
        (port <= ssh_ports().1).then_some(port)
    }

    /// The address of the machine that this port is for.
    fn address_at(&self, port: u16) -> Option<IpAddr> {
        // One for the gateway, and one for the port that is left out.
        let hosts = self.subnet.hosts().take(usize::from(SSH_PORTS) + 2);
        let mut hosts = hosts.filter(|address| Some(*address) != self.gateway);
        hosts.find(|address| self.ssh_port(*address) == Some(port))
    }

    /// The addresses of its network that no node can have: those of machines of others, and those whose ports lead to
    /// such machines.
    pub(super) fn taken(&self, machines: &[ListedMachine], forwards: &[Forward]) -> Vec<IpAddr> {
        let others = machines
            .iter()
            .filter(|machine| machine.cluster().is_none());
        let addresses = others
            .clone()
            .flat_map(|machine| machine.in_network(&self.network));
        let at_ports = forwards
            .iter()
            .filter(|forward| forward.ipaddressid.as_ref() == Some(&self.address_id))
            .filter(|forward| {
                let leads_to = forward.virtualmachineid.as_ref();
                others.clone().any(|machine| leads_to == Some(&machine.id))
            })
            .filter_map(|forward| self.address_at(forward.publicport?));
        addresses.chain(at_ports).collect()
    }
}

/// A network that exists, and what there is in the account beside it.
pub(super) struct Existing {
    network: ListedNetwork,
    /// How it is reached.
    pub(super) access: Access,
    /// All machines of the account.
    pub(super) machines: Vec<ListedMachine>,
    /// All that leads to one of them.
    pub(super) forwards: Vec<Forward>,
}

impl Existing {
    /// A machine in it of another cluster: the ports of the public address are that one's.
    pub(super) fn of_another(&self, cluster: Option<ClusterId>) -> Option<&ListedMachine> {
        self.machines.iter().find(|machine| {
            let is_in_it = machine.in_network(&self.network.id).next().is_some();
            let of = machine.cluster();
            is_in_it && of.is_some() && of != cluster
        })
    }
}

impl CloudStack {
    pub(super) async fn networks(&self) -> Result<Vec<ListedNetwork>, PlatformError> {
        let call = self.list_of_ours("listNetworks").await?;
        let client = &self.shared.client;
        client.list("list networks", call, "network").await
    }

    pub(super) async fn addresses(&self) -> Result<Vec<PublicAddress>, PlatformError> {
        let call = self.list_of_ours("listPublicIpAddresses").await?;
        let client = &self.shared.client;
        client
            .list("list public addresses", call, "publicipaddress")
            .await
    }

    /// See `Platform::ensure_network`. What can be refused is refused before anything is made.
    pub(super) async fn network_for(
        &self,
        owner: &Owner,
        want: &NetworkSpec,
    ) -> Result<Network, PlatformError> {
        let wanted = match want {
            NetworkSpec::Existing(id_or_name) => return self.join_network(owner, id_or_name).await,
            NetworkSpec::Subnet(subnet) => Some(subnet.trunc()),
            NetworkSpec::Isolated => None,
        };
        let name = owner.cluster_name.as_str();
        let (networks, addresses) = tokio::try_join!(self.networks(), self.addresses())?;
        let mut named = networks.iter().filter(|network| network.name == name);
        let own = named.clone().find(|network| network.is_of(owner.cluster));
        let network = match (own, named.next()) {
            (Some(own), _) => own.clone(),
            (None, Some(_)) => {
                return Err(PlatformError::Foreign {
                    kind: "network",
                    name: name.to_owned(),
                });
            }
            (None, None) => {
                let others: Vec<IpNet> =
                    networks.iter().filter_map(|network| network.cidr).collect();
                let subnet = subnets::choose(owner, wanted, &others)?;
                self.make_network(owner, subnet).await?
            }
        };
        let access = self.complete_network(owner, &network, &addresses).await?;
        described(&network, true, Some(access.address), &[])
    }

    async fn make_network(
        &self,
        owner: &Owner,
        subnet: IpNet,
    ) -> Result<ListedNetwork, PlatformError> {
        let name = owner.cluster_name.as_str();
        let refused = |reason: &str| PlatformError::Refused {
            what: format!("create network {name}"),
            reason: format!("{subnet} {reason}"),
            help: None,
            retry: Retry::Never,
        };
        let IpNet::V4(range) = subnet else {
            return Err(refused("is not of IPv4, which isolated networks are"));
        };
        let gateway = range.hosts().next();
        let gateway = gateway.ok_or_else(|| refused("has no address for a gateway"))?;
        let (offering, zone) = (self.network_offering().await?, self.zone().await?);
        let call = self
            .of_project(Call::new("createNetwork"))
            .await?
            .with("name", name)
            .with("displaytext", description(owner))
            .with("networkofferingid", offering.id)
            .with("zoneid", zone.id)
            .with("gateway", gateway.to_string())
            .with("netmask", range.netmask().to_string());
        let cloud = self.clone();
        let what = format!("create network {name}");
        let made = async move {
            let made = cloud.shared.client.ask::<Made>(&what, call).await?;
            Ok(made.network)
        };
        self.shared.making.make(owner.cluster, made).await
    }

    /// Gives an own network its public address, lets machines out, and SSH in.
    async fn complete_network(
        &self,
        owner: &Owner,
        network: &ListedNetwork,
        addresses: &[PublicAddress],
    ) -> Result<Access, PlatformError> {
        let let_out = async {
            // Where a network lets everything out, a rule would keep it in.
            if network.egressdefaultpolicy == Some(true) {
                return Ok(());
            }
            let call = Call::new("createEgressFirewallRule")
                .with("networkid", network.id.as_str())
                .with("protocol", "all");
            self.rule(owner, "let machines out", call, tags::Kind::FirewallRule)
                .await
        };
        let tag_network = async {
            if tags_tell_of(&network.tags, owner.cluster) {
                return Ok(());
            }
            self.tag(owner, tags::Kind::Network, &network.id).await
        };
        let let_in = async {
            let access = match Access::of(network, addresses) {
                Some(access) => access,
                None => self.take_address(owner, network).await?,
            };
            self.let_in(owner, &access, "tcp", ssh_ports()).await?;
            Ok(access)
        };
        let (access, (), ()) = tokio::try_join!(let_in, let_out, tag_network)?;
        self.knows(access.clone());
        Ok(access)
    }

    /// Has the cloud give a network an address: the first one is that of its source NAT.
    async fn take_address(
        &self,
        owner: &Owner,
        network: &ListedNetwork,
    ) -> Result<Access, PlatformError> {
        let cloud = self.clone();
        let what = format!("give network {} a public address", network.name);
        let call = self
            .of_project(Call::new("associateIpAddress"))
            .await?
            .with("networkid", network.id.as_str());
        let take = async move {
            let client = &cloud.shared.client;
            let begun = client.begin(&what, call).await?;
            Ok(client.end(&what, &begun).await?)
        };
        let mut made = self.shared.making.make(owner.cluster, take).await?;
        let made = made.get_mut("ipaddress").map(Value::take);
        let made = made.and_then(|made| serde_json::from_value::<PublicAddress>(made).ok());
        // What the job says is told by a list too.
        let addresses = match made {
            Some(made) => vec![made],
            None => self.addresses().await?,
        };
        let access = Access::of(network, &addresses);
        let access = access.ok_or_else(|| no_address(&network.name))?;
        self.tag(owner, tags::Kind::PublicIpAddress, &access.address_id)
            .await?;
        Ok(access)
    }

    /// Lets those ports of the public address in.
    pub(super) async fn let_in(
        &self,
        owner: &Owner,
        access: &Access,
        protocol: &str,
        (first, last): (u16, u16),
    ) -> Result<(), PlatformError> {
        let call = Call::new("createFirewallRule")
            .with("ipaddressid", access.address_id.as_str())
            .with("protocol", protocol)
            .with("startport", first.to_string())
            .with("endport", last.to_string())
            .with("cidrlist", self.shared.settings.allowed_cidrs.join(","));
        let what = format!("let {protocol} ports {first}-{last} in");
        self.rule(owner, &what, call, tags::Kind::FirewallRule)
            .await
    }

    /// Makes a rule, where there is none like it.
    async fn rule(
        &self,
        owner: &Owner,
        what: &str,
        call: Call,
        kind: tags::Kind,
    ) -> Result<(), PlatformError> {
        let cloud = self.clone();
        let what = what.to_owned();
        let make = async move { Ok(cloud.shared.client.carry_out(&what, call).await) };
        match self.shared.making.make(owner.cluster, make).await? {
            Ok(Some(id)) => self.tag(owner, kind, &id).await,
            Ok(None) => Ok(()),
            Err(failure) if failure.is_there_already() => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Has the machines of a cluster be in a network that exists: it is not changed but for what lets SSH in.
    async fn join_network(
        &self,
        owner: &Owner,
        id_or_name: &str,
    ) -> Result<Network, PlatformError> {
        let there = self.existing_network(id_or_name).await?;
        if let Some(machine) = there.of_another(Some(owner.cluster)) {
            let reason = format!("machine {} of another cluster is in it", machine.name);
            return Err(unusable(id_or_name, reason));
        }
        let access = there.access;
        self.let_in(owner, &access, "tcp", ssh_ports()).await?;
        self.tag_way_to_ssh(owner, &access).await?;
        let taken = access.taken(&there.machines, &there.forwards);
        let outside = Some(access.address);
        self.knows(access);
        described(&there.network, false, outside, &taken)
    }

    /// Says of the rule that lets SSH in whose it is, where who made it went away before that: a destroy finds it by its
    /// tags, and nobody else lets in just those ports.
    async fn tag_way_to_ssh(&self, owner: &Owner, access: &Access) -> Result<(), PlatformError> {
        let (first, last) = ssh_ports();
        let rules = self.firewall().await?;
        let untagged = rules.iter().find(|rule| {
            rule.ipaddressid.as_ref() == Some(&access.address_id)
                && (rule.startport, rule.endport) == (Some(first), Some(last))
                && rule.tags.is_empty()
        });
        match untagged {
            Some(rule) => self.tag(owner, tags::Kind::FirewallRule, &rule.id).await,
            None => Ok(()),
        }
    }

    /// A network that exists and will do.
    pub(super) async fn existing_network(
        &self,
        id_or_name: &str,
    ) -> Result<Existing, PlatformError> {
        let (networks, addresses, machines, forwards) = tokio::try_join!(
            self.networks(),
            self.addresses(),
            self.machines(),
            self.forwards()
        )?;
        let network = find(&networks, id_or_name)?;
        let missing: Vec<&str> = NEEDED_SERVICES
            .into_iter()
            .filter(|needed| !has(&network.service, needed))
            .collect();
        if !missing.is_empty() {
            return Err(unusable(
                id_or_name,
                format!("it does not offer {}", missing.join(", ")),
            ));
        }
        let access = Access::of(network, &addresses);
        let access = access.ok_or_else(|| no_address(id_or_name))?;
        Ok(Existing {
            network: network.clone(),
            access,
            machines,
            forwards,
        })
    }

    /// Keeps how a network is reached.
    pub(super) fn knows(&self, access: Access) {
        self.shared.reached().insert(access.network.clone(), access);
    }

    /// How a network is reached: as it was seen, or else as the cloud says.
    pub(super) async fn access_to(&self, network: &str) -> Result<Access, PlatformError> {
        let known = self.shared.reached().get(network).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let (networks, addresses) = tokio::try_join!(self.networks(), self.addresses())?;
        let found = find(&networks, network)?;
        let access = Access::of(found, &addresses).ok_or_else(|| no_address(&found.name))?;
        self.knows(access.clone());
        Ok(access)
    }

    pub(super) async fn firewall(&self) -> Result<Vec<FirewallRule>, PlatformError> {
        let call = self.list_of_ours("listFirewallRules").await?;
        let client = &self.shared.client;
        client
            .list("list firewall rules", call, "firewallrule")
            .await
    }

    /// See `Platform::delete_network`. A network takes with it what is in it; what the cluster has elsewhere goes by
    /// itself.
    pub(super) async fn remove_networks(&self, cluster: ClusterId) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let (networks, firewall, balancers) =
            tokio::try_join!(self.networks(), self.firewall(), self.balancers())?;
        let own: Vec<_> = networks
            .iter()
            .filter(|network| network.is_of(cluster))
            .collect();
        if own.is_empty() {
            for balancer in balancers.iter().filter(|balancer| balancer.is_of(cluster)) {
                let call = Call::new("deleteLoadBalancerRule").with("id", balancer.id.as_str());
                let client = &self.shared.client;
                client.remove("delete a load balancer rule", call).await?;
            }
            let rules = firewall
                .iter()
                .filter(|rule| tags_tell_of(&rule.tags, cluster));
            for rule in rules {
                let call = Call::new("deleteFirewallRule").with("id", rule.id.as_str());
                let client = &self.shared.client;
                client.remove("delete a firewall rule", call).await?;
            }
        }
        for network in own {
            self.remove_network(network).await?;
            self.shared.reached().remove(&network.id);
        }
        Ok(())
    }

    async fn remove_network(&self, network: &ListedNetwork) -> Result<(), PlatformError> {
        let what = format!("delete network {}", network.name);
        let call = Call::new("deleteNetwork").with("id", network.id.as_str());
        let Err(failure) = self.shared.client.carry_out(&what, call).await else {
            return Ok(());
        };
        if failure.is_absent() {
            return Ok(());
        }
        if failure.may_pass() || !failure.says("xpunge") {
            return Err(failure.into());
        }
        let error = PlatformError::from(failure);
        let PlatformError::Refused { what, reason, .. } = error else {
            return Err(error);
        };
        Err(PlatformError::Refused {
            what,
            reason,
            help: Some(
                "Machines that were destroyed hold their network until the cloud expunges them (`expunge.delay`, a day \
                 unless the operator says otherwise), because this account may not expunge. Destroy again after that, or \
                 ask the operator to expunge them, or to set `allow.user.expunge.recover.vm`."
                    .to_owned(),
            ),
            retry: Retry::Never,
        })
    }
}

/// What `createNetwork` answers.
#[derive(serde::Deserialize)]
struct Made {
    network: ListedNetwork,
}

/// The public ports of SSH servers.
pub(super) fn ssh_ports() -> (u16, u16) {
    (FIRST_SSH_PORT, FIRST_SSH_PORT + SSH_PORTS - 1)
}

fn unusable(name: &str, reason: String) -> PlatformError {
    PlatformError::Refused {
        what: format!("use network {name:?}"),
        reason,
        help: None,
        retry: Retry::Never,
    }
}

fn no_address(name: &str) -> PlatformError {
    unusable(
        name,
        "it has no public address, so its machines are not reached".to_owned(),
    )
}

/// The network of that name, or else of that id.
pub(super) fn find<'a>(
    networks: &'a [ListedNetwork],
    id_or_name: &str,
) -> Result<&'a ListedNetwork, PlatformError> {
    if let Some(found) = networks.iter().find(|network| network.id == id_or_name) {
        return Ok(found);
    }
    let mut named = networks.iter().filter(|network| network.name == id_or_name);
    match (named.next(), named.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(unusable(
            id_or_name,
            "several have that name: give its id".to_owned(),
        )),
        (None, _) => Err(unusable(id_or_name, "there is no such network".to_owned())),
    }
}

/// A network as the engine knows it.
pub(super) fn described(
    network: &ListedNetwork,
    owned: bool,
    outside: Option<IpAddr>,
    others: &[IpAddr],
) -> Result<Network, PlatformError> {
    let subnet = network.cidr.ok_or_else(|| {
        let reason = "it has no range of addresses".to_owned();
        unusable(&network.name, reason)
    })?;
    let gateway = network.gateway.or_else(|| subnet.hosts().next());
    Ok(Network {
        id: network.id.clone(),
        name: network.name.clone(),
        subnet,
        taken: gateway.into_iter().chain(others.iter().copied()).collect(),
        // A virtual router knows no way to what is behind a machine.
        carries: Carries::MachinesOnly,
        outside,
        owned,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(subnet: &str, gateway: Option<&str>) -> Access {
        Access {
            network: "n".to_owned(),
            subnet: subnet.parse().unwrap(),
            gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            address: "192.0.2.1".parse().unwrap(),
            address_id: "a".to_owned(),
            balances: true,
        }
    }

    #[test]
    fn machines_have_ports_of_their_own_for_ssh() {
        let port = |access: &Access, address: &str| access.ssh_port(address.parse().unwrap());
        let usual = access("10.128.7.0/24", Some("10.128.7.1"));
        assert_eq!(port(&usual, "10.128.7.2"), Some(2222));
        assert_eq!(port(&usual, "10.128.7.3"), Some(2223));
        let last_is_gateway = access("10.1.1.0/24", Some("10.1.1.254"));
        assert_eq!(port(&last_is_gateway, "10.1.1.1"), Some(2222));
        let large = access("10.0.0.0/16", Some("10.0.0.1"));
        assert_eq!(port(&large, "10.0.3.232"), Some(3221));
        assert_eq!(port(&large, "10.0.3.233"), None);
    }

    #[test]
    fn no_machine_has_the_port_of_an_api_and_each_port_is_of_one_machine() {
        let usual = access("10.128.7.0/24", Some("10.128.7.1"));
        assert_eq!(usual.address_at(API_IN_THE_MIDST), None);
        for port in [2222, 2375, 2377] {
            let address = usual.address_at(port).unwrap();
            assert_eq!(usual.ssh_port(address), Some(port));
        }
        assert_eq!(usual.address_at(2221), None);
        assert_eq!(usual.address_at(3000), None);
    }
}
