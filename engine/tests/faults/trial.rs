//! One trial: an operation with faults, the same again without, and then the end of it all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use coe_engine::error::{EngineError, Failure, chain};
use coe_engine::model::ClusterId;
use coe_engine::plan::PlanError;
use coe_engine::platform::{Platform, Scope};
use tokio::time::Instant;

use crate::caller::{Caller, Has, Wanted};
use crate::check::{Verdict, is_as_wanted, no_secret_is_told, nothing_is_left, told};
use crate::fault::Faults;
use crate::gate::Made;
use crate::secrets::Secrets;
use crate::story::Story;
use crate::world::{Process, World};

/// Longer than the deadline of an operation, its clean-up and the looks at its end take together.
const AT_MOST: Duration = Duration::from_mins(8);

/// What is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trial {
    pub(crate) story: Story,
    /// The faults of one process after the other, until one without any.
    pub(crate) processes: Vec<Faults>,
    /// Whether what was there before is wanted again then.
    pub(crate) is_given_up: bool,
}

impl fmt::Display for Trial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.story.as_str())?;
        let mut separator = ": ";
        for faults in &self.processes {
            write!(formatter, "{separator}{faults}")?;
            separator = ", then ";
        }
        if self.is_given_up {
            formatter.write_str(", given up")?;
        }
        Ok(())
    }
}

/// Where trials are run, one at a time.
pub(crate) struct Bench {
    world: World,
    /// What a caller has at the beginning of each story that was told before, and the secrets of it.
    beginnings: BTreeMap<Story, (Has, Arc<Secrets>)>,
}

impl Bench {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            beginnings: BTreeMap::new(),
        }
    }

    /// Brings about what is there at the beginning of the story.
    fn begin(&mut self, story: Story) -> Result<(Caller, Arc<Secrets>), String> {
        let world = &self.world;
        if let Some((has, secrets)) = self.beginnings.get(&story) {
            world.load(story.as_str()).map_err(told("loading"))?;
            return Ok((
                Caller::having(has.clone()),
                Arc::new(secrets.without_said()),
            ));
        }
        let secrets = Arc::<Secrets>::default();
        world.clear().map_err(told("clearing"))?;
        let caller = Caller::default();
        let made = world.run(Faults::default(), &secrets, async |process| {
            caller
                .apply(process, &story.before())
                .await
                .map_err(|failure| failure.to_string())?;
            if let Some(had) = caller.has().cluster {
                let befallen = story.befall(&world.platform(), had.id).await;
                befallen.map_err(told("damaging"))?;
            }
            Ok::<_, String>(())
        });
        made.map_err(told("starting a process"))?
            .unwrap_or_else(|| Err("killed".to_owned()))?;
        let has = caller.has();
        world.save(story.as_str()).map_err(told("saving"))?;
        world.load(story.as_str()).map_err(told("loading"))?;
        self.beginnings.insert(story, (has, Arc::clone(&secrets)));
        Ok((caller, secrets))
    }

    /// The calls of the story when nothing goes wrong.
    pub(crate) fn calls_of(&mut self, story: Story) -> Result<Vec<Made>, String> {
        let (caller, secrets) = self.begin(story)?;
        let ended = self
            .world
            .run(Faults::default(), &secrets, async |process| {
                let applied = caller.apply(process, &story.wanted()).await;
                applied.map_err(|failure| failure.to_string())?;
                Ok::<_, String>(process.gate.made())
            });
        ended
            .map_err(told("starting a process"))?
            .unwrap_or_else(|| Err("killed".to_owned()))
    }

    /// Runs the trial; what is wrong, if anything is.
    pub(crate) fn run(&mut self, trial: &Trial) -> Verdict {
        let (caller, secrets) = self.begin(trial.story)?;
        let wanted = if trial.is_given_up {
            trial.story.before()
        } else {
            trial.story.wanted()
        };
        for faults in &trial.processes {
            let harms = faults.at.len();
            let ended = self
                .world
                .run(faults.clone(), &secrets, async |process| {
                    self.apply(process, &caller, trial.story, harms).await
                })
                .map_err(told("starting a process"))?;
            no_secret_is_told(&self.world, &secrets)?;
            ended.unwrap_or(Ok(())).map_err(told("at first"))?;
        }
        let again = self
            .world
            .run(Faults::default(), &secrets, async |process| {
                let applied = self.apply_again(process, &caller, trial.story, &wanted);
                applied.await.map_err(told("applied again"))?;
                // The next process.
                let process = self.world.process(Faults::default(), &secrets);
                self.apply_nothing(&process, &caller)
                    .await
                    .map_err(told("destroyed"))
            });
        again
            .map_err(told("starting a process"))?
            .unwrap_or(Ok(()))?;
        no_secret_is_told(&self.world, &secrets)?;
        if secrets.count() == 0 {
            return Err("no secret was handed out, so that none could be looked for".to_owned());
        }
        Ok(())
    }

    /// The operation in which something goes wrong. Whatever it says then has to be true.
    async fn apply(
        &self,
        process: &Process,
        caller: &Caller,
        story: Story,
        harms: usize,
    ) -> Verdict {
        let wanted = &story.wanted();
        let before = self.clusters().await?;
        let began = Instant::now();
        let applied = caller.apply(process, wanted).await;
        let took = began.elapsed();
        if took > AT_MOST * u32::try_from(harms).unwrap_or(u32::MAX) {
            return Err(format!("it took {took:?}"));
        }
        match applied {
            // A node that goes while no control plane answers is forgotten by the next change of its cluster.
            Ok(_) if matches!(story, Story::NodeRemove | Story::GroupRemove) => Ok(()),
            Ok(_) => {
                let next = self.world.process(Faults::default(), &process.secrets);
                self.needs_nothing(&next, caller, wanted).await
            }
            Err(failure) => {
                hear(process, &failure);
                let mut made = self.clusters().await?;
                made.retain(|cluster| !before.contains(cluster));
                let is_known = caller.has().cluster.is_some() || !failure.leftovers.is_empty();
                // Of an operation that ended, nothing is left that nobody was told of.
                if is_known || made.is_empty() {
                    Ok(())
                } else {
                    Err(format!("{failure}, and a cluster is left"))
                }
            }
        }
    }

    /// All clusters that are there, in whatever state.
    async fn clusters(&self) -> Result<Vec<ClusterId>, String> {
        let seen = self.world.platform().observe(&Scope::All).await;
        let seen = seen.map_err(told("observing"))?;
        Ok(seen.iter().map(|observed| observed.id).collect())
    }

    async fn needs_nothing(&self, process: &Process, caller: &Caller, wanted: &Wanted) -> Verdict {
        let plan = caller.plan(process, wanted).await;
        let plan = plan.map_err(|error| format!("the plan after success: {}", chain(&error)))?;
        if plan.is_empty() {
            Ok(())
        } else {
            Err(format!("a success, and then: {}", plan.join("; ")))
        }
    }

    async fn apply_again(
        &self,
        process: &Process,
        caller: &Caller,
        story: Story,
        wanted: &Wanted,
    ) -> Verdict {
        let applied = match caller.apply(process, wanted).await {
            Ok(applied) => applied,
            // A destruction that came that far cannot be thought better of: that is said, and it can be ended.
            Err(failure) if story == Story::Destroy && is_lost(&failure) => return Ok(()),
            // Of several control planes too few are left, which was seen when they were back.
            Err(failure) if story == Story::Destroy => {
                hear(process, &failure);
                let next = self.world.process(Faults::default(), &process.secrets);
                return match caller.apply(&next, wanted).await {
                    Err(failure) if is_lost(&failure) => Ok(()),
                    Err(failure) => Err(failure.to_string()),
                    Ok(_) => Err(format!("it was done at the second try: {failure}")),
                };
            }
            Err(failure) => {
                hear(process, &failure);
                return Err(failure.to_string());
            }
        };
        let next = self.world.process(Faults::default(), &process.secrets);
        self.needs_nothing(&next, caller, wanted).await?;
        let found = caller.refresh(&next).await.map_err(told("refreshing"))?;
        match (applied, found) {
            (Some(applied), Some(found)) if applied == found => {
                is_as_wanted(&self.world, &found, wanted).await
            }
            (None, None) => nothing_is_left(&self.world),
            (applied, found) => Err(format!("it told of {applied:?}, and {found:?} is there")),
        }
    }

    async fn apply_nothing(&self, process: &Process, caller: &Caller) -> Verdict {
        let applied = caller.apply(process, &Wanted::nothing()).await;
        applied.map_err(|failure| {
            hear(process, &failure);
            failure.to_string()
        })?;
        nothing_is_left(&self.world)
    }
}

/// Whether the plan said that the cluster's state is gone, or too much of it.
fn is_lost(failure: &Failure) -> bool {
    matches!(
        failure.error,
        EngineError::Plan(PlanError::StateLost { .. } | PlanError::QuorumLost { .. })
    )
}

fn hear(process: &Process, failure: &Failure) {
    process.secrets.hear(failure);
    process.secrets.hear(format_args!("{failure:?}"));
}
