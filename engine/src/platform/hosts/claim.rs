//! The claim on a cluster, on most machines of the inventory.
//!
//! Of two that ask at once the first machine that answers decides, and no two can have more than half of the machines
//! each: also where they do not reach the same ones, at most one gets the claim.

use futures_util::future::join_all;

use super::Hosts;
use super::record::json;
use crate::error::chain;
use crate::model::{ClusterId, OperationId, Owner};
use crate::platform::ssh_node::SshMachine;
use crate::platform::{PlatformError, Retry};

const CLAIM: &str = include_str!("scripts/claim.sh");
const RELEASE: &str = include_str!("scripts/release.sh");

/// What a machine said to a claim.
enum Answer {
    Given,
    HeldBy(Box<Owner>),
    Nothing(PlatformError),
}

impl Hosts {
    /// See `Platform::claim`.
    pub(super) async fn take_claim(
        &self,
        owner: &Owner,
        instead_of: Option<OperationId>,
    ) -> Result<Option<Owner>, PlatformError> {
        let claim = json("the claim", owner)?;
        let mut given = 0;
        let mut nothing = None;
        let mut machines = self.shared.machines.values();
        // One after the other until one answers, which decides; then all others at once.
        let mut answers = Vec::new();
        for machine in machines.by_ref() {
            let answer = ask(machine, owner, instead_of, &claim).await;
            let decides = !matches!(answer, Answer::Nothing(_));
            let is_held = matches!(answer, Answer::HeldBy(_));
            answers.push(answer);
            if is_held {
                break;
            }
            if decides {
                let others = machines.map(|machine| ask(machine, owner, instead_of, &claim));
                answers.extend(join_all(others).await);
                break;
            }
        }
        let mut holder = None;
        for answer in answers {
            match answer {
                Answer::Given => given += 1,
                Answer::HeldBy(other) => holder = Some(*other),
                Answer::Nothing(error) => nothing = Some(error),
            }
        }
        let most = self.shared.machines.len() / 2 + 1;
        if holder.is_none() && given >= most {
            return Ok(None);
        }
        if given > 0 {
            self.give_back_claim(owner.cluster, owner.operation).await?;
        }
        match (holder, nothing) {
            (Some(holder), _) => Ok(Some(holder)),
            (None, Some(error)) => Err(PlatformError::Refused {
                what: format!("take cluster {}", owner.cluster_name),
                reason: format!(
                    "{given} of {} machines answered, and {most} have to: {}",
                    self.shared.machines.len(),
                    chain(&error)
                ),
                help: Some(
                    "Take machines that are gone for good out of the provider's configuration."
                        .to_owned(),
                ),
                retry: Retry::Later,
            }),
            (None, None) => Err(Self::not_here("take the cluster", "there is no machine")),
        }
    }

    /// See `Platform::release`.
    pub(super) async fn give_back_claim(
        &self,
        cluster: ClusterId,
        operation: OperationId,
    ) -> Result<(), PlatformError> {
        let (id, operation) = (cluster.to_string(), operation.to_string());
        let machines = self.shared.machines.values();
        let released = machines.map(|machine| {
            let arguments = [id.as_str(), operation.as_str()];
            async move {
                machine
                    .script("give the cluster back", RELEASE, &arguments, &[])
                    .await
            }
        });
        let released = join_all(released).await;
        // What one keeps that does not answer is over when its time is up.
        if released.iter().any(Result::is_ok) {
            return Ok(());
        }
        released
            .into_iter()
            .try_for_each(|released| released.map(|_| ()))
    }
}

async fn ask(
    machine: &SshMachine,
    owner: &Owner,
    instead_of: Option<OperationId>,
    claim: &[u8],
) -> Answer {
    let id = owner.cluster.to_string();
    let operation = owner.operation.to_string();
    let instead_of = instead_of.map_or_else(String::new, |other| other.to_string());
    let arguments = [id.as_str(), &operation, &instead_of];
    let said = machine
        .script("take the cluster", CLAIM, &arguments, claim)
        .await;
    match said {
        Ok(said) if said.trim().is_empty() => Answer::Given,
        Ok(said) => match serde_json::from_str(said.trim()) {
            Ok(holder) => Answer::HeldBy(Box::new(holder)),
            Err(error) => Answer::Nothing(PlatformError::Refused {
                what: format!("take the cluster on machine {}", machine.name),
                reason: format!("the claim there is not understood: {error}"),
                help: None,
                retry: Retry::Never,
            }),
        },
        Err(error) => Answer::Nothing(error),
    }
}
