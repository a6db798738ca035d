//! What leads clients to several control planes: one endpoint that outlives any of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Balancing, Change, CoeNeeds, PlanError, Planner, pool};
use crate::model::{ClusterRecord, ClusterSpec, DesiredState, MachineState, Role};

impl CoeNeeds {
    /// Whether the cluster has a balancer while it runs. One control plane is reached without, unless clients
    /// know the balancer from a time when there were more.
    pub(crate) fn has_balancer(&self, spec: &ClusterSpec, record: Option<&ClusterRecord>) -> bool {
        let had_one = record.is_some_and(|record| record.balancer_port.is_some());
        self.balanced
            && spec.desired_state == DesiredState::Running
            && (had_one || spec.control_planes.get() > 1)
    }
}

impl Planner<'_> {
    pub(super) fn balance(
        &self,
        changes: &mut Vec<Change>,
        starts_all: bool,
    ) -> Result<(), PlanError> {
        if !self.needs.has_balancer(self.desired, self.record()) {
            return Ok(());
        }
        let had_one = self
            .record()
            .is_some_and(|record| record.balancer_port.is_some());
        let why = match &self.observed.balancer {
            None if !had_one => Some(Balancing::New),
            None if starts_all => Some(Balancing::Waking),
            None => Some(Balancing::Gone),
            Some(balancer) if balancer.state != MachineState::Running => Some(Balancing::Down),
            Some(balancer) => (self.balanced_addresses()?.as_ref() != Some(&balancer.targets))
                .then_some(Balancing::OtherControlPlanes),
        };
        changes.extend(why.map(|why| Change::Balance {
            cluster: self.desired.name.clone(),
            control_planes: self.desired.control_planes,
            why,
        }));
        Ok(())
    }

    /// The addresses of the pool's control planes; `None`: one of them is to get its own.
    fn balanced_addresses(&self) -> Result<Option<BTreeSet<IpAddr>>, PlanError> {
        let count = self.desired.control_planes.get();
        let pool = pool(self.observed, self.desired, Role::ControlPlane, count)?;
        let address = |name| match self.observed.machines.get(name) {
            Some(machine) => Some(machine.address),
            None => self.record()?.addresses.get(name).copied(),
        };
        Ok(pool.iter().map(address).collect())
    }
}
