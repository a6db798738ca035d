//! Jobs of the cloud, and waiting for their ends: all that wait share one loop of looks, so their number grows with time
//! and not with the number of jobs.
//!
//! Of those that wait one has the turn: it pauses, looks for all, and tells each whose job has ended. When it has its own
//! answer, another one gets the turn.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex as Turn, oneshot};

use super::{Call, Client, Failure};

/// How long after a job's beginning the first look is taken; the older the youngest job, the further apart looks are.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// The part of a job's age that is waited before the next look.
const PART_OF_AGE: u32 = 4;

/// A job as the cloud tells it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Job {
    #[serde(default)]
    pub(super) jobid: String,
    jobstatus: i64,
    #[serde(default)]
    jobresult: Value,
    /// The object that it makes.
    #[serde(default)]
    pub(super) jobinstanceid: Option<String>,
}

impl Job {
    fn forgotten(jobid: String) -> Self {
        let text = format!("the cloud knows no job {jobid} any more");
        Self {
            jobid,
            jobstatus: 2,
            jobresult: serde_json::json!({ "errortext": text }),
            jobinstanceid: None,
        }
    }

    /// What it has come to; `None`: it goes on.
    fn outcome(self) -> Option<Result<Value, Value>> {
        match self.jobstatus {
            0 => None,
            1 => Some(Ok(self.jobresult)),
            _ => Some(Err(self.jobresult)),
        }
    }
}

struct Waiting {
    since: Instant,
    tell: oneshot::Sender<Result<Value, Value>>,
}

/// Those that wait.
pub(super) struct Jobs {
    waiting: Mutex<HashMap<String, Waiting>>,
    turn: Turn<()>,
    /// Whether the list of jobs has those that are waited for.
    list_tells: AtomicBool,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            turn: Turn::default(),
            list_tells: AtomicBool::new(true),
        }
    }
}

/// Nobody waits for a job any more.
struct Leaves<'a>(&'a Jobs, &'a str);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.waiting().remove(self.1);
    }
}

impl Jobs {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a job has come to.
    pub(super) async fn outcome(
        &self,
        client: &Client,
        what: &str,
        job: &str,
    ) -> Result<Value, Failure> {
        let (tell, mut told) = oneshot::channel();
        let since = Instant::now();
        self.waiting()
            .insert(job.to_owned(), Waiting { since, tell });
        let _leaves = Leaves(self, job);
        loop {
            tokio::select! {
                biased;
                outcome = &mut told => return ended(what, job, outcome),
                _turn = self.turn.lock() => {
                    tokio::select! {
                        biased;
                        outcome = &mut told => return ended(what, job, outcome),
                        () = tokio::time::sleep(self.pause()) => {}
                    }
                    self.look(client).await?;
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        let waiting = self.waiting();
        let youngest = waiting
            .values()
            .map(|waiting| waiting.since.elapsed())
            .min();
        let pause = youngest.unwrap_or_default() / PART_OF_AGE;
        pause.clamp(FIRST_PAUSE, LONGEST_PAUSE)
    }

    async fn look(&self, client: &Client) -> Result<(), Failure> {
        let mut missing: Vec<String> = self.waiting().keys().cloned().collect();
        if missing.len() > 1 && self.list_tells.load(Ordering::Relaxed) {
            let list = || {
                let call = Call::new("listAsyncJobs").with("listall", "true");
                client.first_page::<Job>("look how jobs do", call, "asyncjobs")
            };
            let listed = match Client::patiently(list).await {
                Ok(listed) => listed,
                Err(failure) if failure.may_pass() => return Err(failure),
                // It is not for everybody in every cloud.
                Err(_refused) => Vec::new(),
            };
            let ids: Vec<&String> = listed.iter().map(|job| &job.jobid).collect();
            missing.retain(|job| !ids.contains(&job));
            // An account with many jobs, or a cloud that tells of others: each is asked after then.
            if !missing.is_empty() {
                self.list_tells.store(false, Ordering::Relaxed);
            }
            for job in listed {
                self.tell(job);
            }
        }
        for job in missing {
            let told = client.job(&job).await?;
            self.tell(told.unwrap_or_else(|| Job::forgotten(job)));
        }
        Ok(())
    }

    fn tell(&self, job: Job) {
        let id = job.jobid.clone();
        let Some(outcome) = job.outcome() else {
            return;
        };
        if let Some(waiting) = self.waiting().remove(&id) {
            // Who has gone does not need it.
            _ = waiting.tell.send(outcome);
        }
    }
}

fn ended(
    what: &str,
    job: &str,
    outcome: Result<Result<Value, Value>, oneshot::error::RecvError>,
) -> Result<Value, Failure> {
    match outcome {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(result)) => Err(Failure::of_job(what, &result)),
        Err(_nobody) => Err(Failure::not_understood(
            what,
            &format!("job {job} was forgotten"),
        )),
    }
}
