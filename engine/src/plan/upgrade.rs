//! Another version: what may follow what, who makes room, and what is left of an upgrade that was cut off.

use std::collections::BTreeSet;

use super::fault::was_there;
use super::{Change, PlanError, Planner, machine_image, pool, version};
use crate::coe::Upgrades;
use crate::model::{ClusterRecord, Machine, MemberState, NodeGroup, NodeName, Role};

impl Planner<'_> {
    /// Refuses what cannot follow what is there.
    pub(super) fn refuse_versions(&self, record: &ClusterRecord) -> Result<(), PlanError> {
        self.refuse_downgrade(record)?;
        self.refuse_another_version()?;
        self.refuse_a_minor_left_out(record)?;
        self.refuse_a_join_to_an_older_control_plane(record)
    }

    /// The version that is wanted, as far as the request says it.
    fn wanted_version(&self) -> Option<String> {
        let of_request = self.desired.version.clone();
        match self.needs.upgrades {
            Upgrades::ToAnyNewer => of_request,
            Upgrades::MinorByMinor => of_request.or_else(|| {
                let image = machine_image(self.desired, self.needs);
                version::of_image(&image).map(str::to_owned)
            }),
        }
    }

    /// A version that some node of the cluster runs and that stands in the way.
    fn running_version(
        &self,
        record: &ClusterRecord,
        stands_in_the_way: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let running: Vec<&String> = match &self.observed.members {
            // Nodes beside the pool have versions of their own.
            Some(members) => members
                .iter()
                .filter(|(name, _)| !self.is_beside(name))
                .map(|(_, member)| &member.version)
                .collect(),
            None => record.spec.version.iter().collect(),
        };
        let mut running = running.into_iter();
        running.find(|running| stands_in_the_way(running)).cloned()
    }

    fn is_beside(&self, name: &NodeName) -> bool {
        let machine = self.observed.machines.get(name);
        machine.is_some_and(|machine| machine.spec.group != NodeGroup::Pool)
    }

    fn refuse_downgrade(&self, record: &ClusterRecord) -> Result<(), PlanError> {
        let Some(wanted) = self.wanted_version() else {
            return Ok(());
        };
        let newer = |running: &str| version::is_older(&wanted, running);
        match self.running_version(record, newer) {
            None => Ok(()),
            Some(running) => Err(PlanError::Downgrade {
                cluster: record.spec.name.clone(),
                running,
                wanted,
            }),
        }
    }

    /// Refuses a version that the wanted image is known not to carry: some node has been made from it, and serves.
    fn refuse_another_version(&self) -> Result<(), PlanError> {
        let (Some(wanted), Some(members)) = (&self.desired.version, &self.observed.members) else {
            return Ok(());
        };
        let image = machine_image(self.desired, self.needs);
        let made_from_it = self
            .pool_machines()
            .filter(|machine| machine.spec.image == image)
            .filter_map(|machine| members.get(&machine.spec.name))
            .filter(|member| member.state != MemberState::Down);
        for member in made_from_it {
            if !version::satisfies(&member.version, wanted) {
                return Err(PlanError::OtherVersion {
                    image,
                    carried: member.version.clone(),
                    wanted: wanted.clone(),
                });
            }
        }
        Ok(())
    }

    fn refuse_a_minor_left_out(&self, record: &ClusterRecord) -> Result<(), PlanError> {
        let (Upgrades::MinorByMinor, Some(wanted)) = (self.needs.upgrades, self.wanted_version())
        else {
            return Ok(());
        };
        let too_old = |running: &str| version::leaves_a_minor_out(running, &wanted);
        match self.running_version(record, too_old) {
            None => Ok(()),
            Some(running) => Err(PlanError::MinorLeftOut {
                cluster: record.spec.name.clone(),
                running,
                wanted,
            }),
        }
    }

    /// Refuses to have a control plane of which nothing is left join anew where it would be newer than all others:
    /// what it joins cannot lead it.
    fn refuse_a_join_to_an_older_control_plane(
        &self,
        record: &ClusterRecord,
    ) -> Result<(), PlanError> {
        if self.needs.upgrades == Upgrades::ToAnyNewer {
            return Ok(());
        }
        let now = machine_image(self.desired, self.needs);
        let mut control_planes = self
            .pool_machines()
            .filter(|machine| machine.spec.role == Role::ControlPlane)
            .peekable();
        let all_are_others = control_planes.peek().is_some()
            && control_planes.all(|machine| machine.spec.image != now);
        let lost = self.known_control_planes(record).into_iter();
        let lost = lost
            .filter(|name| super::pool_role(&record.spec.name, name).is_some())
            .find(|name| !self.has_something_left(name));
        match lost {
            Some(node) if all_are_others => Err(PlanError::RepairFirst {
                cluster: record.spec.name.clone(),
                node,
            }),
            _ => Ok(()),
        }
    }

    fn pool_machines(&self) -> impl Iterator<Item = &Machine> {
        let machines = self.observed.machines.values();
        machines.filter(|machine| machine.spec.group == NodeGroup::Pool)
    }

    /// Workers beyond the wanted number that take work while others are made again: as many as the request has room
    /// for, those that are too many already counted. They are removed with everything that is too much.
    pub(super) fn surge(&self, made_again: usize) -> Result<Vec<NodeName>, PlanError> {
        let most = self.desired.pace.max_surge();
        let wanted = most.min(u32::try_from(made_again).unwrap_or(u32::MAX));
        let count = self.desired.workers;
        let pool_of = |count| pool(self.observed, self.desired, Role::Worker, count);
        let staying: BTreeSet<NodeName> = pool_of(count)?.into_iter().collect();
        let with_surge = pool_of(count.saturating_add(wanted))?;
        let is_new = |name: &NodeName| !staying.contains(name) && !was_there(self.observed, name);
        Ok(with_surge.into_iter().filter(is_new).collect())
    }

    /// What a first control plane of another version has still to lead over: an upgrade was cut off.
    pub(super) fn finish_upgrade(&self, changes: &mut Vec<Change>) {
        let (Some(configured), Some(members)) =
            (&self.observed.configured_version, &self.observed.members)
        else {
            return;
        };
        let led_over = self.pool_machines().find(|machine| {
            let name = &machine.spec.name;
            let is_newer = members.get(name).is_some_and(|member| {
                member.role == Role::ControlPlane
                    && member.state != MemberState::Down
                    && version::is_older(configured, &member.version)
            });
            is_newer && !changes.iter().any(|change| change.node() == Some(name))
        });
        changes.extend(led_over.map(|machine| Change::FinishUpgrade {
            name: machine.spec.name.clone(),
        }));
    }
}
