//! A cluster that should not run: it is stopped, and whatever else is wanted waits until it is started.

use super::{Change, PlanError, Planner, differences, pool, pool_node};
use crate::model::{ClusterSpec, DesiredState, MachineState, ObservedCluster, Role};

impl Planner<'_> {
    pub(super) fn stopped(&self) -> Result<Vec<Change>, PlanError> {
        let running = self.machines_in(MachineState::Running);
        let mut changes = Vec::new();
        if !running.is_empty() {
            changes.push(Change::StopMachines { nodes: running });
        }
        if self.observed.balancer.is_some() {
            changes.push(Change::RemoveBalancer {
                cluster: self.desired.name.clone(),
            });
        }
        changes.extend(self.put_off()?);
        self.remember(&mut changes);
        Ok(changes)
    }

    /// What the request has in it that the one before had not: it is remembered now, and done when the cluster
    /// is started.
    fn put_off(&self) -> Result<Vec<Change>, PlanError> {
        let Some(record) = self.record() else {
            return Ok(Vec::new());
        };
        let as_before = self.when_started(&record.spec)?;
        let mut changes = self.when_started(self.desired)?;
        changes.retain(|change| !as_before.contains(change));
        let put_off = changes.into_iter().map(Box::new).map(Change::PutOff);
        Ok(put_off.collect())
    }

    /// What a start would do if `spec` were wanted then.
    fn when_started(&self, spec: &ClusterSpec) -> Result<Vec<Change>, PlanError> {
        let mut asleep = ObservedCluster {
            members: None,
            balancer: None,
            ..self.observed.clone()
        };
        for machine in asleep.machines.values_mut() {
            machine.state = MachineState::Stopped;
        }
        let running = ClusterSpec {
            desired_state: DesiredState::Running,
            ..spec.clone()
        };
        let planner = Planner {
            desired: &running,
            observed: &asleep,
            ..*self
        };
        let mut changes = planner.running()?;
        // Both are said of the request as a whole.
        changes.retain(|change| !matches!(change, Change::Remember { .. } | Change::KeepAfterAll));
        Ok(changes)
    }

    /// What nodes beside the pool were to get while the cluster was stopped.
    pub(super) fn set_nodes_beside(&self, changes: &mut Vec<Change>) {
        let put_off = self.record().map(|record| &record.put_off);
        let there = put_off
            .into_iter()
            .flatten()
            .filter(|(name, _)| self.observed.machines.contains_key(*name));
        changes.extend(there.map(|(name, settings)| Change::SetNode {
            name: name.clone(),
            settings: settings.clone(),
        }));
    }

    /// Machines of the pool that are other ones than is wanted.
    pub(super) fn other_machines(&self, role: Role, count: u32) -> Result<Vec<Change>, PlanError> {
        let mut changes = Vec::new();
        for name in pool(self.observed, self.desired, role, count)? {
            let Some(machine) = self.observed.machines.get(&name) else {
                continue;
            };
            let should = pool_node(self.desired, self.needs, &name, role);
            let differences = differences(&machine.spec, &should);
            if !differences.is_empty() {
                changes.push(Change::RecreateNode {
                    name,
                    role,
                    differences,
                });
            }
        }
        Ok(changes)
    }
}
