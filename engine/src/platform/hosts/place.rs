//! Which machine a node gets: the one that it has, or a free one of the pool.
//!
//! Guarantees: of two that want a machine at once one gets it; asked twice, a node gets one machine. Nodes of a role
//! are spread over zones.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;

use super::look::Sight;
use super::marker::{Marker, MarkerState};
use super::record::json;
use super::{Hosts, NAME};
use crate::error::chain;
use crate::model::{NodeName, NodeSpec, Owner, Role};
use crate::platform::{PlatformError, Retry};

const TAKE: &str = include_str!("scripts/take.sh");

impl Hosts {
    /// See `Platform::place`.
    pub(super) async fn draw(
        &self,
        owner: &Owner,
        node: &NodeSpec,
    ) -> Result<IpAddr, PlatformError> {
        let _one_at_a_time = self.shared.drawing.lock().await;
        let sight = self.look().await?;
        let has = sight.of_node(owner.cluster, &node.name);
        // One that was not clean cannot be a node before it is.
        let usable = |marker: &Marker| !matches!(marker.state, MarkerState::CleanupFailed(_));
        if let Some((_, marker)) = has.last()
            && usable(marker)
        {
            return Ok(marker.address);
        }
        for name in self.free_machines(&sight, Some(owner), node.role) {
            let (Some(machine), Some(settings)) = (
                self.shared.machines.get(&name),
                self.shared.settings.machines.get(&name),
            ) else {
                continue;
            };
            let marker = Marker {
                owner: owner.clone(),
                spec: node.clone(),
                address: settings.address,
                state: MarkerState::Provisioning,
                since: Timestamp::now(),
                files: Vec::new(),
            };
            let marker = json("the machine's marker", &marker)?;
            let said = machine.script("take it", TAKE, &[], &marker).await?;
            if said.trim() == "taken" {
                tracing::info!("{} gets machine {name}", node.name);
                return Ok(settings.address);
            }
        }
        Err(PlatformError::Refused {
            what: format!("draw a machine for {} {}", node.role, node.name),
            reason: format!(
                "none is free: {}",
                self.why_not(&sight, node.role).join("; ")
            ),
            help: Some(format!("Name more machines in `{NAME}`.")),
            retry: Retry::Never,
        })
    }

    /// The machines that nobody has and that may be a node of that role, the one to take first before the others:
    /// those of the zone in which the cluster has the fewest.
    pub(super) fn free_machines(
        &self,
        sight: &Sight,
        owner: Option<&Owner>,
        role: Role,
    ) -> Vec<NodeName> {
        let settings = &self.shared.settings.machines;
        let mut in_zone: BTreeMap<Option<&String>, usize> = BTreeMap::new();
        for (name, seen) in &sight.seen {
            let is_ours = |marker: &Marker| {
                owner.is_some_and(|owner| owner.cluster == marker.owner.cluster)
                    && marker.spec.role == role
            };
            if seen.marker.as_ref().is_some_and(is_ours) {
                let zone = settings.get(name).and_then(|machine| machine.zone.as_ref());
                *in_zone.entry(zone).or_default() += 1;
            }
        }
        let mut free: Vec<_> = settings
            .iter()
            .filter(|(name, machine)| {
                let is_free = |seen: &super::look::Seen| seen.marker.is_none();
                sight.seen.get(*name).is_some_and(is_free) && may_be(&machine.roles, role)
            })
            .collect();
        // One that is for this role alone goes first, so that others stay for other roles.
        free.sort_by_key(|(name, machine)| {
            let zone = in_zone.get(&machine.zone.as_ref()).copied().unwrap_or(0);
            (zone, machine.roles.len() != 1, (*name).clone())
        });
        free.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// Why each machine that is not free is not.
    pub(super) fn why_not(&self, sight: &Sight, role: Role) -> Vec<String> {
        let machines = self.shared.settings.machines.iter();
        machines
            .filter_map(|(name, machine)| {
                if !may_be(&machine.roles, role) {
                    return Some(format!("{name} may be no {role}"));
                }
                if let Some(error) = sight.silent.get(name) {
                    return Some(format!("{name} does not answer: {}", chain(error)));
                }
                let marker = sight.seen.get(name)?.marker.as_ref()?;
                Some(format!("{name} {}", marker.told()))
            })
            .collect()
    }
}

fn may_be(roles: &std::collections::BTreeSet<Role>, role: Role) -> bool {
    roles.is_empty() || roles.contains(&role)
}
