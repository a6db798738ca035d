//! Work that a call begins and does not wait for.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::accounts::Owner;
use crate::call::Call;
use crate::cloud::Cloud;
use crate::faults::Kind;
use crate::refusal::{Code, Refusal};
use crate::settings::RestartedJobs;
use crate::state::{State, moment};

/// What jobs that were running say after a restart.
const RESTARTED: &str = "job cancelled because of management server restart or shutdown";

/// How far a job is.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It waits to begin.
    Waiting(AbortHandle),
    /// It has begun, and cannot be taken back.
    Working,
    Done(Value),
    Failed(Refusal),
    /// The same, of a refusal that nobody can read back.
    FailedSilently,
}

pub(crate) struct Job {
    id: Uuid,
    account: Uuid,
    user: Uuid,
    command: String,
    subject: Option<Subject>,
    created: Timestamp,
    ended: Option<Instant>,
    progress: Progress,
}

/// What a job is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) kind: &'static str,
    pub(crate) id: Uuid,
    pub(crate) made: Made,
}

/// Whether the call made it: its id is then in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    Now,
    Before,
}

impl Subject {
    pub(crate) fn made(kind: &'static str, id: Uuid) -> Self {
        let made = Made::Now;
        Self { kind, id, made }
    }

    pub(crate) fn changed(kind: &'static str, id: Uuid) -> Self {
        let made = Made::Before;
        Self { kind, id, made }
    }
}

/// Refuses what can be no job's id, before anything is made.
pub(crate) fn check_custom_id(call: &Call) -> Result<(), Refusal> {
    call.id("customjobid").map(drop)
}

/// Begins a job. Whatever its call made is there by now: that is also where CloudStack first notices that there is
/// a job of that id already.
pub(crate) fn begin<W>(
    cloud: &Arc<Cloud>,
    call: &Call,
    subject: impl Into<Option<Subject>>,
    work: W,
) -> Result<Value, Refusal>
where
    W: Future<Output = Result<Value, Refusal>> + Send + 'static,
{
    let subject = subject.into();
    let mut state = cloud.state();
    let id = call.id("customjobid")?.unwrap_or_else(Uuid::new_v4);
    if state.jobs.iter().any(|job| job.id == id) {
        return Err(Refusal::internal(format!(
            "Unable to schedule async job for command {}, entity already exists: {id}",
            call.command
        )));
    }
    let delay = state.settings.job_delay(&call.command);
    let fault = call.fault.clone();
    let at = Arc::clone(cloud);
    let task = tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        at.state().begun(id);
        let refusal = |code, text: &String| Err::<Value, _>(Refusal::new(Code(code), text.clone()));
        let outcome = match fault {
            Some(fault) if fault.kind == Kind::FailJob => refusal(fault.code, &fault.text),
            Some(fault) if fault.kind == Kind::FailJobAfter => {
                work.await.and_then(|_| refusal(fault.code, &fault.text))
            }
            _ => work.await,
        };
        at.state().ended(id, outcome);
    });
    let created = state.now();
    state.jobs.push(Job {
        id,
        account: call.caller.account,
        user: call.caller.user,
        command: call.command.clone(),
        subject,
        created,
        ended: None,
        progress: Progress::Waiting(task.abort_handle()),
    });
    Ok(match subject {
        Some(subject) if subject.made == Made::Now => json!({ "id": subject.id, "jobid": id }),
        _ => json!({ "jobid": id }),
    })
}

impl State {
    fn begun(&mut self, id: Uuid) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.progress = Progress::Working;
        }
    }

    fn ended(&mut self, id: Uuid, outcome: Result<Value, Refusal>) {
        // A restart has ended it already.
        let job = self.jobs.iter_mut().find(|job| job.id == id);
        if let Some(job) = job.filter(|job| job.ended.is_none()) {
            job.ended = Some(Instant::now());
            job.progress = match outcome {
                Ok(result) => Progress::Done(result),
                Err(refusal) => Progress::Failed(refusal),
            };
        }
    }

    /// Fails what runs, as a restart of the management server does. What has begun goes on behind its back.
    pub(crate) fn fail_running_jobs(&mut self) {
        for job in self.jobs.iter_mut().filter(|job| job.ended.is_none()) {
            if let Progress::Waiting(task) = &job.progress {
                task.abort();
            }
            job.ended = Some(Instant::now());
            job.progress = match self.settings.restarted_jobs {
                RestartedJobs::TellWhy => Progress::Failed(Refusal::internal(RESTARTED)),
                RestartedJobs::TellNothing => Progress::FailedSilently,
            };
        }
    }

    /// Forgets jobs that have ended long ago.
    pub(crate) fn expire_jobs(&mut self) {
        let longest = self.settings.job_expiry_seconds;
        self.jobs.retain(|job| {
            job.ended
                .is_none_or(|ended| ended.elapsed().as_secs_f64() < longest)
        });
    }

    fn view_job(&self, job: &Job) -> Value {
        let mut view = json!({
            "jobid": job.id, "accountid": job.account, "userid": job.user, "cmd": job.command,
            "created": moment(job.created), "jobprocstatus": 0, "jobresultcode": 0, "jobstatus": 0,
            "domainid": self.people.domain,
        });
        if let Some(subject) = job.subject {
            view["jobinstancetype"] = subject.kind.into();
            view["jobinstanceid"] = subject.id.to_string().into();
        }
        match &job.progress {
            Progress::Waiting(_) | Progress::Working => {}
            Progress::Done(result) => {
                view["jobstatus"] = 1.into();
                view["jobresulttype"] = "object".into();
                view["jobresult"] = result.clone();
            }
            Progress::FailedSilently => {
                view["jobstatus"] = 2.into();
                view["jobresultcode"] = Code::INTERNAL.0.into();
            }
            Progress::Failed(refusal) => {
                view["jobstatus"] = 2.into();
                // CloudStack's own, whatever the code inside is.
                view["jobresultcode"] = Code::INTERNAL.0.into();
                view["jobresulttype"] = "object".into();
                view["jobresult"] = refusal.result();
            }
        }
        view
    }
}

pub(crate) fn query_async_job_result(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let id = call.required_id("jobid")?;
    let state = cloud.state();
    let job = state.jobs.iter().find(|job| job.id == id);
    let job = job.ok_or_else(|| call.no_entity("jobid", id))?;
    let owner = Owner::Account(job.account);
    state.people.check(call.caller, owner, &id.to_string())?;
    Ok(state.view_job(job))
}

pub(crate) fn list_async_jobs(cloud: &Cloud, call: &Call) -> Result<Value, Refusal> {
    let state = cloud.state();
    let own = state
        .jobs
        .iter()
        .filter(|job| job.account == call.caller.account);
    let found = own.map(|job| state.view_job(job)).collect();
    call.page("asyncjobs", found, state.settings.page_size)
}
