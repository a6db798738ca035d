//! `gc`: lists what interrupted creates have left, and the claims of operations that came to no end, and removes them
//! after a look.

mod report;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use coe_engine::engine::{Engine, Held, Leftover};
use coe_engine::error::EngineError;
use coe_engine::model::OperationId;
use coe_engine::operation::{Event, Operation, ProgressSink, RetryBudget, StepProgress};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use self::report::{Listing, Question, Tally};
use super::platform::PlatformOptions;
use super::{FAILED, complain, say, threads};
use crate::diagnostics::sentence;

/// How `gc` is used.
pub const HELP: &str = "\
Lists what creates that came to no end have left on a platform, and the claims of operations that came to none, and
removes them after a look.

Usage: terraform-provider-coe gc [option]...

What is found by its labels and belongs to no finished cluster is removed once nobody can be at work on it any more:
the time of its operation is up, or the journal of this machine proves that its process is dead. A finished cluster is
never removed, nor is anything without this provider's labels. Of a finished cluster only the claim goes by which an
operation keeps others from changing it, by the same two rules.

  --dry-run               only list
  --yes                   remove without asking
  --older-than <time>     leave alone what was begun more recently, such as 90s, 2h or 1h30m
  --ended <operation>     remove what this operation has left, or end its claim, and nothing else, before its time is
                          up: for who knows that its process is gone, on whatever machine it was
  --configuration <file>  the arguments of the provider's block as JSON, {\"openstack\": {…}}, for any platform; they
                          heed the environment as in Terraform. Instead of the three options below
  --docker-host <url>     the Docker Engine; default: $DOCKER_HOST, or else the local socket. $DOCKER_TLS_VERIFY and
                          $DOCKER_CERT_PATH are heeded
  --simulated-dir <dir>   the folder of a simulated platform, instead of a Docker Engine
  --journal-dir <dir>     the folder of journals; default: as the provider's `journal_dir`
  --help                  print this

Without --yes it asks where a person can answer, and only lists where nobody can.

Exit codes:
  0   nothing is left to remove, or all of it was removed, or --dry-run was given
  1   the platform could not be looked at, or not all could be removed
  2   the arguments are not understood
  3   there is something to remove, and nobody said yes";

/// The end of a run that would have removed something, and was not told to.
const NOT_TOLD: u8 = 3;

/// How long the deletion of one cluster's leftovers may take.
const DELETION: Duration = Duration::from_mins(10);

/// Who says that something may be removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Consent {
    /// Nobody: it is a dry run.
    Never,
    /// Whoever is asked.
    #[default]
    Asked,
    /// The command line.
    Given,
}

/// What `gc` is asked for.
#[derive(Debug, Default, PartialEq)]
pub struct Options {
    /// On which platform.
    pub platform: PlatformOptions,
    /// Whether to remove anything.
    pub consent: Consent,
    /// What was begun more recently is left alone.
    pub older_than: Duration,
    /// The operation of which somebody knows that it has ended.
    pub ended: Option<OperationId>,
}

/// Lists, asks, removes.
pub fn run(options: Options) -> ExitCode {
    match threads() {
        Ok(threads) => threads.block_on(collect(options)),
        Err(code) => code,
    }
}

async fn collect(options: Options) -> ExitCode {
    let (platform, settings) = match options.platform.choose() {
        Ok(chosen) => chosen,
        Err(diagnostics) => {
            complain(&diagnostics.to_string());
            return ExitCode::from(FAILED);
        }
    };
    let place = format!("{} at {}", platform.name(), platform.location());
    let engine = Engine::new(platform, settings);
    let (leftovers, claims) = match find(&engine, options.ended).await {
        Ok(found) => found,
        Err(error) => {
            complain(&format!(
                "the platform could not be looked at; nothing was removed\n{}",
                sentence(&error)
            ));
            return ExitCode::from(FAILED);
        }
    };
    let listing = Listing::of(
        leftovers,
        claims,
        options.ended,
        options.older_than,
        Timestamp::now(),
    );
    if let (Some(ended), true) = (options.ended, listing.is_empty()) {
        complain(&report::unknown(ended, &place));
        return ExitCode::from(FAILED);
    }
    let question = match options.consent {
        Consent::Never => Question::DryRun,
        Consent::Given => Question::Answered,
        Consent::Asked if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() => {
            Question::Asked
        }
        Consent::Asked => Question::NobodyToAsk,
    };
    say(&listing.render(&place, question));
    if listing.has_nothing_to_do() {
        return ExitCode::SUCCESS;
    }
    match question {
        Question::DryRun => ExitCode::SUCCESS,
        Question::NobodyToAsk => ExitCode::from(NOT_TOLD),
        Question::Asked if !is_yes() => {
            say("Nothing was removed.\n");
            ExitCode::from(NOT_TOLD)
        }
        Question::Asked | Question::Answered => {
            // First: what is left of a create may be claimed by an operation that came to no end either.
            let claims = end(&engine, listing.claims.over, options.ended).await;
            let leftovers = remove(&engine, listing.leftovers.over, options.ended).await;
            say(&report::end(leftovers, claims));
            if leftovers.failed + claims.failed == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(FAILED)
            }
        }
    }
}

async fn find(
    engine: &Engine,
    ended: Option<OperationId>,
) -> Result<(Vec<Leftover>, Vec<Held>), EngineError> {
    Ok((engine.garbage(ended).await?, engine.claims(ended).await?))
}

async fn end(engine: &Engine, claims: Vec<Held>, ended: Option<OperationId>) -> Tally {
    let mut tally = Tally::default();
    for Held { holder, .. } in claims {
        let (cluster, operation) = (holder.cluster, holder.operation);
        match engine.end_claim(cluster, operation, ended).await {
            Ok(()) => {
                tally.done += 1;
                say(&format!(
                    "  done: end the claim on {}\n",
                    holder.cluster_name
                ));
            }
            Err(error) => {
                tally.failed += 1;
                complain(&format!(
                    "the claim on {} (id {cluster}) was not ended: {}",
                    holder.cluster_name,
                    sentence(&error)
                ));
            }
        }
    }
    tally
}

fn is_yes() -> bool {
    let mut answer = String::new();
    // Who cannot be understood has not said yes.
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

async fn remove(engine: &Engine, garbage: Vec<Leftover>, ended: Option<OperationId>) -> Tally {
    let interrupted = CancellationToken::new();
    let interruption = tokio::spawn({
        let interrupted = interrupted.clone();
        async move {
            // Where no signal can be heard, the process ends by it.
            if tokio::signal::ctrl_c().await.is_ok() {
                complain("interrupted: what is not removed yet stays");
                interrupted.cancel();
            }
        }
    });
    let mut tally = Tally::default();
    for leftover in garbage {
        let (id, owner) = (leftover.observed.id, leftover.observed.owner);
        let operation = Operation {
            id: OperationId::new(),
            deadline: Timestamp::now()
                .checked_add(DELETION)
                .unwrap_or(Timestamp::MAX),
            cancellation: interrupted.clone(),
            progress: Arc::new(Lines),
            retries: RetryBudget::default(),
        };
        match engine.remove_garbage(id, ended, &operation).await {
            Ok(()) => tally.done += 1,
            Err(failure) => {
                tally.failed += 1;
                complain(&format!(
                    "{} (id {id}) was not removed: {failure}",
                    owner.cluster_name
                ));
            }
        }
    }
    interruption.abort();
    tally
}

/// Tells each step that is done, a line each.
struct Lines;

impl ProgressSink for Lines {
    fn report(&self, event: Event) {
        match event.progress {
            StepProgress::Started => {}
            StepProgress::Finished => say(&format!("  done: {}\n", event.step)),
            StepProgress::Retried { .. } => say(&format!("  tried again: {}\n", event.step)),
            // What failed is told at the end, with what else was left.
            StepProgress::Failed { .. } => say(&format!("  not possible: {}\n", event.step)),
        }
    }
}
