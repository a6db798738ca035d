//! What of the cloud can be chosen when it starts, and changed while it runs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What machines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MachineKind {
    /// Containers that boot.
    Real,
    /// States, and nothing else.
    None,
}

/// Whether the key of the account `coe` is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Keys {
    Enabled,
    Disabled,
}

/// What jobs say that a restart has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RestartedJobs {
    TellWhy,
    /// They have no `jobresult`.
    TellNothing,
}

/// How many calls a user has in how long.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Throttle {
    pub(crate) calls: usize,
    pub(crate) seconds: f64,
}

/// All of it. Each is described in README.md.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) machines: MachineKind,
    pub(crate) image: String,
    pub(crate) job_seconds: BTreeMap<String, f64>,
    pub(crate) capacity: Option<usize>,
    pub(crate) limits: BTreeMap<String, usize>,
    pub(crate) limit_code: u16,
    pub(crate) network_in_use_code: u16,
    pub(crate) expunge: bool,
    pub(crate) expunge_delay_seconds: f64,
    pub(crate) view_destroyed: bool,
    pub(crate) enforce_post: bool,
    pub(crate) job_expiry_seconds: f64,
    pub(crate) restarted_jobs: RestartedJobs,
    pub(crate) user_data_bytes: usize,
    pub(crate) page_size: usize,
    pub(crate) throttle: Option<Throttle>,
    pub(crate) keys: Keys,
    pub(crate) clock_skew_seconds: i64,
    pub(crate) destroy_fails: u32,
    pub(crate) version: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            machines: MachineKind::Real,
            image: "coe/cloudstack-machine:bookworm".to_owned(),
            job_seconds: BTreeMap::from([("*".to_owned(), 0.02)]),
            capacity: None,
            limits: BTreeMap::new(),
            limit_code: 532,
            network_in_use_code: 536,
            expunge: true,
            // CloudStack's own: a day.
            expunge_delay_seconds: 86_400.0,
            view_destroyed: false,
            enforce_post: true,
            job_expiry_seconds: 86_400.0,
            restarted_jobs: RestartedJobs::TellWhy,
            user_data_bytes: 32_768,
            page_size: 500,
            throttle: None,
            keys: Keys::Enabled,
            clock_skew_seconds: 0,
            destroy_fails: 0,
            version: "4.22.0.0".to_owned(),
        }
    }
}

impl Settings {
    /// With what `changes` name of them; `job_seconds` and `limits` command by command.
    pub(crate) fn with(&self, changes: &Value) -> Result<Self, String> {
        let mut settings = serde_json::to_value(self).map_err(|error| error.to_string())?;
        let changes = changes.as_object().ok_or("settings are an object")?;
        for (name, change) in changes {
            match (&mut settings[name.as_str()], change) {
                (Value::Object(old), Value::Object(new)) if name != "throttle" => {
                    old.extend(new.clone());
                }
                (old, new) => *old = new.clone(),
            }
        }
        let mut merged: Self =
            serde_json::from_value(settings).map_err(|error| error.to_string())?;
        merged.job_seconds = (merged.job_seconds.into_iter())
            .map(|(command, seconds)| (command.to_lowercase(), seconds))
            .collect();
        Ok(merged)
    }

    /// How long a job of that command takes before it begins its work.
    pub(crate) fn job_delay(&self, command: &str) -> Duration {
        let seconds = self.job_seconds.get(command);
        let seconds = seconds.or_else(|| self.job_seconds.get("*"));
        Duration::from_secs_f64(seconds.copied().unwrap_or_default().max(0.0))
    }
}
