//! `upgrade_settings`: how nodes that are there are drained, and made again as other ones.

use std::time::Duration;

use coe_engine::model::{Budgets, Drain, Pace};
use terraform_framework::validators::{between, duration_from};
use terraform_framework::{Attr, Diagnostic, Model, Path, duration};

use super::arguments::{Missing, optional, or_default};

/// What a setting is when the configuration leaves it out.
mod default {
    pub(super) const MAX_SURGE: i64 = 0;
    pub(super) const MAX_UNAVAILABLE: i64 = 1;
    pub(super) const DRAIN_TIMEOUT: &str = "5m";
    pub(super) const RESPECT_PDB: bool = true;
}

/// How nodes that are there are drained, and made again as other ones.
#[derive(Model, Clone)]
pub(crate) struct UpgradeSettingsModel {
    /// How many workers more than `node_count` there may be while others are made again. They are made first and
    /// removed last. Default: 0.
    #[attribute(optional, computed, default = default::MAX_SURGE, validate = [between(0, 1000)])]
    pub(crate) max_surge: Attr<i64>,
    /// How many workers less than `node_count` may be in service meanwhile. Default: 1. It and `max_surge` are not both 0.
    #[attribute(optional, computed, default = default::MAX_UNAVAILABLE, validate = [between(0, 1000)])]
    pub(crate) max_unavailable: Attr<i64>,
    /// How long the work of a node may take to go, such as `"5m"`, which is the default. After it the apply fails and
    /// names what stays, and why; the next apply carries on.
    #[attribute(optional, computed, default = default::DRAIN_TIMEOUT.to_owned(), validate = [duration_from(Duration::from_secs(1))])]
    pub(crate) drain_timeout: Attr<String>,
    /// Whether pods that a PodDisruptionBudget keeps on a node are waited for; where it is false they are deleted. A
    /// swarm has no budgets. Default: true.
    #[attribute(optional, computed, default = default::RESPECT_PDB)]
    pub(crate) respect_pdb: Attr<bool>,
}

impl UpgradeSettingsModel {
    /// The settings that mean this; null where nobody has to say it.
    pub(crate) fn of(pace: Pace, drain: Drain) -> Attr<Self> {
        if (pace, drain) == (Pace::default(), Drain::default()) {
            return Attr::Null;
        }
        Attr::Known(Self {
            max_surge: i64::from(pace.max_surge()).into(),
            max_unavailable: i64::from(pace.max_unavailable()).into(),
            drain_timeout: spelled(drain.timeout).into(),
            respect_pdb: (drain.budgets == Budgets::Respected).into(),
        })
    }
}

/// A duration as a person would write it.
fn spelled(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (unit, name) in [(3_600_000, "h"), (60_000, "m"), (1000, "s")] {
        if milliseconds >= unit && milliseconds.is_multiple_of(unit) {
            return format!("{}{name}", milliseconds / unit);
        }
    }
    format!("{milliseconds}ms")
}

/// How fast nodes are made again.
pub(crate) fn pace(settings: &Attr<UpgradeSettingsModel>) -> Result<Pace, Missing> {
    let Some(settings) = optional(settings)? else {
        return Ok(Pace::default());
    };
    let path = Path::attribute_name("upgrade_settings");
    let number = |value: &Attr<i64>, default: i64, name: &str| {
        u32::try_from(or_default(value, default)?)
            .map_err(|_| {
                let detail = "There may be 0 workers more or less, or some, and not fewer.";
                Diagnostic::error("Not a number of workers", detail).at(path.attribute(name))
            })
            .map_err(Missing::from)
    };
    let max_surge = number(&settings.max_surge, default::MAX_SURGE, "max_surge")?;
    let max_unavailable = &settings.max_unavailable;
    let max_unavailable = number(max_unavailable, default::MAX_UNAVAILABLE, "max_unavailable")?;
    Pace::new(max_surge, max_unavailable).map_err(|no_pace| {
        let detail = format!("{no_pace}.");
        Diagnostic::error("No worker could be made again", detail)
            .at(path.attribute("max_unavailable"))
            .into()
    })
}

/// How nodes are drained.
pub(crate) fn drain(settings: &Attr<UpgradeSettingsModel>) -> Result<Drain, Missing> {
    let Some(settings) = optional(settings)? else {
        return Ok(Drain::default());
    };
    let text = or_default(&settings.drain_timeout, default::DRAIN_TIMEOUT)?;
    let timeout = duration::parse(&text).map_err(|error| {
        let path = Path::attribute_name("upgrade_settings").attribute("drain_timeout");
        Diagnostic::error("Not a duration", error.to_string()).at(path)
    })?;
    let budgets = if or_default(&settings.respect_pdb, default::RESPECT_PDB)? {
        Budgets::Respected
    } else {
        Budgets::Ignored
    };
    Ok(Drain { timeout, budgets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_spelled_as_a_person_would() {
        for text in ["2h", "90m", "45s", "1500ms"] {
            assert_eq!(spelled(duration::parse(text).unwrap()), text);
        }
    }
}
