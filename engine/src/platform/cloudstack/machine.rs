//! The machine of a node: an instance with its address, what leads to it, and the node's service on that.
//!
//! Guarantees: asked twice, there is one. What fails for good leaves nothing; what was cut off is made anew. An instance
//! is a node once a tag says by which host key it is known, which only it has.

use std::collections::BTreeMap;

use super::client::Call;
use super::instance::Leads;
use super::lists::ListedMachine;
use super::network::Access;
use super::{CloudStack, NAME, tags};
use crate::model::{ClusterId, Machine, MachineState, NodeName, Owner};
use crate::platform::labels::{self, HOST_KEY, Labels, NETWORK_ID, NODE_ADDRESS, NODE_SPEC, json};
use crate::platform::ssh_node::{FindsHosts, NewHostKey, NewMachine};
use crate::platform::{MachineRequest, PlatformError, Retry};

impl CloudStack {
    /// See `Platform::ensure_machine`.
    pub(super) async fn machine_for(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        let node = &request.spec.name;
        let named = self.machines_named(node).await?;
        if named.iter().any(|machine| !machine.is_of(owner.cluster)) {
            return Err(PlatformError::Foreign {
                kind: "instance",
                name: node.to_string(),
            });
        }
        let mut there = None;
        for machine in named {
            match machine.condition() {
                MachineState::Running | MachineState::Stopped if there.is_none() => {
                    there = Some(machine);
                }
                _ => self.remove_instance(owner.cluster, &machine).await?,
            }
        }
        if let Some(machine) = there {
            return self.start_listed(&machine, request).await;
        }
        let made = self.make_machine(owner, request).await;
        if let Err(error) = &made
            && error.retry() == Retry::Never
            && let Err(left) = self.remove_machine(owner.cluster, node).await
        {
            // Why it was not made is what is told; who undoes the step is told of what is left.
            tracing::warn!("instance {node} is left half made: {left}");
        }
        made
    }

    async fn start_listed(
        &self,
        listed: &ListedMachine,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        let access = self.access_to(&request.network.id).await?;
        let mut machine = listed.machine()?;
        self.learn_from(listed, &machine, &access)?;
        let (forwards, balancers) = tokio::try_join!(self.forwards(), self.balancers())?;
        super::rules::published(&mut machine, Some(&access), &forwards, &balancers);
        if machine.state == MachineState::Stopped {
            self.start_instance(&machine).await?;
            machine.state = MachineState::Running;
        }
        Ok(machine)
    }

    async fn make_machine(
        &self,
        owner: &Owner,
        request: &MachineRequest,
    ) -> Result<Machine, PlatformError> {
        let access = self.access_to(&request.network.id).await?;
        let host_key = NewHostKey::new()?;
        let id = self.deploy(owner, request, &host_key).await?;
        let mut machine = Machine {
            id,
            spec: request.spec.clone(),
            address: request.address,
            state: MachineState::Running,
            published: BTreeMap::new(),
            owner: owner.clone(),
        };
        let port = self.lead_to_ssh(owner, &access, &machine).await?;
        let place = (access.address.to_string(), port);
        let place = (place.0.as_str(), place.1);
        let hosts = &self.shared.hosts;
        hosts.learn(&machine.id, place, &host_key.public)?;
        let mut published = machine.clone();
        let (own_key, ()) = tokio::try_join!(
            self.make_node(owner, request, &machine),
            self.publish(owner, &access, &mut published),
        )?;
        machine = published;
        let mut said: Labels = labels::of_node(owner, &request.spec);
        said.insert(HOST_KEY.to_owned(), own_key.clone());
        self.tag_with(tags::Kind::Machine, &machine.id, &said)
            .await?;
        hosts.forget(&machine.id);
        hosts.learn(&machine.id, place, &own_key)?;
        Ok(machine)
    }

    /// Has the cloud make an instance and start it; its id.
    async fn deploy(
        &self,
        owner: &Owner,
        request: &MachineRequest,
        host_key: &NewHostKey,
    ) -> Result<String, PlatformError> {
        let node = &request.spec.name;
        let (template, offering, zone) = tokio::try_join!(
            self.template_for(&request.spec.image),
            self.offering_for(request.spec.flavor.as_ref()),
            self.zone(),
        )?;
        let mut details: Labels = labels::of_node(owner, &request.spec);
        details.insert(
            NODE_SPEC.to_owned(),
            json("what a node should be", &request.spec)?,
        );
        details.insert(NODE_ADDRESS.to_owned(), request.address.to_string());
        details.insert(NETWORK_ID.to_owned(), request.network.id.clone());
        details.insert(HOST_KEY.to_owned(), host_key.public.clone());
        let settings = &self.shared.settings;
        let groups = &settings.affinity_groups;
        let mut call = self
            .of_project(Call::new("deployVirtualMachine"))
            .await?
            .with("name", node.as_str())
            .with("displayname", node.as_str())
            .with("serviceofferingid", offering.id)
            .with("templateid", template.id)
            .with("zoneid", zone.id)
            .with("networkids", request.network.id.as_str())
            .with("ipaddress", request.address.to_string())
            .with("userdata", self.shared.hosts.user_data(host_key))
            .maybe("keypair", settings.key_pair.as_deref())
            .maybe(
                "rootdisksize",
                settings.root_disk_size.map(|size| size.to_string()),
            )
            .maybe(
                "affinitygroupnames",
                (!groups.is_empty()).then(|| groups.join(",")),
            );
        for (key, value) in details {
            call = call.with(format!("details[0].{key}"), value);
        }
        let cloud = self.clone();
        let what = format!("create instance {node}");
        let make = async move {
            let client = &cloud.shared.client;
            let begun = client.begin(&what, call).await?;
            let ended = client.end(&what, &begun).await?;
            let id = begun.id.or_else(|| {
                let made = ended.get("virtualmachine")?.get("id")?.as_str()?;
                Some(made.to_owned())
            });
            id.ok_or_else(|| PlatformError::Refused {
                what,
                reason: "the cloud does not tell the instance's id".to_owned(),
                help: None,
                retry: Retry::Later,
            })
        };
        self.shared.making.make(owner.cluster, make).await
    }

    async fn make_node(
        &self,
        owner: &Owner,
        request: &MachineRequest,
        machine: &Machine,
    ) -> Result<String, PlatformError> {
        let new = self.new_machine(machine).await?;
        new.become_node(owner, request, &self.shared.packages).await
    }

    pub(super) async fn new_machine<'a>(
        &self,
        machine: &'a Machine,
    ) -> Result<NewMachine<'a>, PlatformError> {
        Ok(NewMachine {
            platform: NAME,
            kind: "instance",
            node: &machine.spec.name,
            host: self.host_of(machine).await?,
            not_reached: "A machine is reached at a port of its network's public address, from here or through `bastions`.",
            not_fit: "Take a larger service offering, or another template: one that has what nodes of such a cluster are made of.",
        })
    }

    /// See `Platform::delete_machine`.
    pub(super) async fn remove_machine(
        &self,
        cluster: ClusterId,
        node: &NodeName,
    ) -> Result<(), PlatformError> {
        self.shared.making.nothing_is_made(cluster).await;
        let named = self.machines_named(node).await?;
        for machine in named.iter().filter(|machine| machine.is_of(cluster)) {
            self.remove_instance(cluster, machine).await?;
        }
        Ok(())
    }

    /// Keeps how an instance that was listed is reached.
    pub(super) fn learn_from(
        &self,
        listed: &ListedMachine,
        machine: &Machine,
        access: &Access,
    ) -> Result<(), PlatformError> {
        if let Some(port) = access.ssh_port(machine.address) {
            let leads = Leads::of(listed)?;
            let place = (access.address.to_string(), port);
            let place = (place.0.as_str(), place.1);
            self.shared
                .hosts
                .learn(&machine.id, place, &leads.host_key)?;
        }
        Ok(())
    }
}
