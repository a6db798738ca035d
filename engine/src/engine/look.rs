//! Looks at clusters, shared between readers.
//!
//! Refreshing a cluster and the resources that hang on it asks for the same facts many times at once. A
//! look is shared with whoever asks within [`FRESH`] of its beginning, unless this engine has begun or
//! ended a change of the cluster since: then it may show what was before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::Engine;
use super::per_cluster::PerCluster;
use crate::coe::CoeError;
use crate::error::{EngineError, chain};
use crate::model::{ClusterId, Machine, MachineState, ObservedCluster, Role};
use crate::platform::{PlatformError, Scope};
use crate::saga::StepError;
use crate::scheduler::Bounds;

/// For how long a look is shared.
const FRESH: Duration = Duration::from_secs(2);

/// How long one control plane may take to say what it knows.
const ANSWER: Duration = Duration::from_secs(10);

/// How long the last look of an operation may take.
const LAST_LOOK: Duration = Duration::from_secs(15);

/// How long a control plane is waited for before the next one is asked as well. One that answers does
/// so sooner; while a new leader is elected, none does for seconds.
const HESITATION: Duration = Duration::from_secs(1);

struct Look {
    began: Instant,
    changes_before: u64,
    saw: Option<ObservedCluster>,
}

#[derive(Default)]
struct Slot {
    /// How many changes of the cluster this engine has begun or ended.
    changes: AtomicU64,
    /// Held while a look is taken, so that those who ask meanwhile wait for it.
    last: tokio::sync::Mutex<Option<Look>>,
}

/// The last look at each cluster.
#[derive(Default)]
pub(super) struct Looks(PerCluster<Slot>);

impl Looks {
    fn invalidate(&self, id: ClusterId) {
        self.0.of(id).changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Makes looks at the cluster that began before now worthless, and again when the guard is dropped.
    pub(super) fn changing(&self, id: ClusterId) -> Changing<'_> {
        self.invalidate(id);
        Changing { looks: self, id }
    }
}

/// While it lives, the cluster is being changed.
pub(super) struct Changing<'a> {
    looks: &'a Looks,
    id: ClusterId,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.looks.invalidate(self.id);
    }
}

impl Engine {
    /// A look that may be shared with others.
    pub(super) async fn shared_look(
        &self,
        id: ClusterId,
    ) -> Result<Option<ObservedCluster>, EngineError> {
        // Not when the slot is had: a look that began just before, and took long, is as good.
        let asked = Instant::now();
        let slot = self.0.looks.0.of(id);
        let mut last = slot.last.lock().await;
        let changes_before = slot.changes.load(Ordering::Acquire);
        if let Some(look) = last.as_ref()
            && look.changes_before == changes_before
            && asked.saturating_duration_since(look.began) < FRESH
        {
            return Ok(look.saw.clone());
        }
        let began = Instant::now();
        let saw = self.look(id, &Bounds::for_look()).await?;
        *last = Some(Look {
            began,
            changes_before,
            saw: saw.clone(),
        });
        Ok(saw)
    }

    /// A look of one's own: what is there now.
    pub(super) async fn look(
        &self,
        id: ClusterId,
        bounds: &Bounds,
    ) -> Result<Option<ObservedCluster>, EngineError> {
        let Some(observed) = self.observe(&Scope::Id(id), bounds).await?.pop() else {
            return Ok(None);
        };
        let asked = bounds.within(async { Ok(self.ask_coe(observed).await) });
        Ok(Some(asked.await?))
    }

    /// The look at the end of an operation, from which its caller learns what to keep.
    pub(super) async fn last_look(
        &self,
        id: ClusterId,
    ) -> Result<Option<ObservedCluster>, EngineError> {
        self.look(id, &Bounds::for_cleanup(LAST_LOOK)).await
    }

    /// What the platform shows; asked again within the bounds while it does not answer.
    pub(super) async fn observe(
        &self,
        scope: &Scope,
        bounds: &Bounds,
    ) -> Result<Vec<ObservedCluster>, EngineError> {
        self.ask(bounds, || self.0.platform.observe(scope)).await
    }

    /// What the platform answers to a question that changes nothing; asked again within the bounds while it
    /// does not answer.
    pub(super) async fn ask<T, F>(
        &self,
        bounds: &Bounds,
        question: impl Fn() -> F,
    ) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, PlatformError>>,
    {
        let again = |error: &StepError, after: Duration| {
            tracing::warn!(error = chain(error), ?after, "asked the platform again");
        };
        let asked = self.0.scheduler.persevere(bounds, again, || async {
            question().await.map_err(StepError::from)
        });
        Ok(asked.await?)
    }

    /// Adds what the COE says, from the first control plane that answers.
    pub(super) async fn ask_coe(&self, mut observed: ObservedCluster) -> ObservedCluster {
        let Some(record) = &observed.record else {
            return observed;
        };
        let driver = match self.driver(record.spec.coe) {
            Ok(driver) => driver,
            Err(error) => {
                observed.unreachable = Some(error.to_string());
                return observed;
            }
        };
        let mut reasons = Vec::new();
        let mut view = None;
        let mut refuses = false;
        let control_planes = observed
            .machines
            .values()
            .filter(|machine| may_answer(machine));
        let mut answers: FuturesUnordered<_> = (0_u32..)
            .zip(control_planes)
            .map(|(position, machine)| async move {
                tokio::time::sleep(HESITATION * position).await;
                let exec = self.0.platform.exec(machine);
                let answer = tokio::time::timeout(ANSWER, driver.observe(exec.as_ref())).await;
                (&machine.spec.name, answer)
            })
            .collect();
        while let Some((name, answer)) = answers.next().await {
            match answer {
                Ok(Ok(seen)) => {
                    view = Some(seen);
                    break;
                }
                Ok(Err(error)) => {
                    refuses |= matches!(error, CoeError::Refused { .. });
                    reasons.push(format!("{name}: {}", chain(&error)));
                }
                Err(_late) => {
                    reasons.push(format!("{name}: no answer within {} s", ANSWER.as_secs()));
                }
            }
        }
        drop(answers);
        match view {
            Some(view) => {
                observed.members = Some(view.members);
                observed.ca_certificate = Some(view.ca_certificate);
                observed.configured_version = view.version;
            }
            None if reasons.is_empty() => {
                observed.unreachable = Some("no control plane runs".to_owned());
            }
            None => {
                observed.unreachable = Some(reasons.join("; "));
                observed.refuses = refuses;
            }
        }
        observed
    }
}

fn may_answer(machine: &Machine) -> bool {
    machine.spec.role == Role::ControlPlane && machine.state == MachineState::Running
}
