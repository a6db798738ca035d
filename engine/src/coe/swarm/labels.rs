//! The settings of a swarm, as labels of the cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::coe::labels::{self, NoValue};
use crate::model::{CoeKind, Finding};

/// What a setting's value looks like.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A whole number from `least` on.
    Number { least: u64 },
    /// A duration of at least `least`; nanoseconds in the engine's API.
    Duration { least: Duration },
}

/// A setting.
struct Setting {
    /// The label.
    name: &'static str,
    kind: Kind,
    /// Where the engine's API has it, in `SwarmSpec`.
    path: [&'static str; 2],
    /// What the engine takes where nothing is said, as a label's value.
    default: &'static str,
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// Limits and defaults are the engine's own (API 1.41, `SwarmSpec`; swarmkit refuses a certificate's
/// life of less than an hour).
const SETTINGS: [Setting; 5] = [
    Setting {
        name: "cert_expiry",
        kind: Kind::Duration { least: HOUR },
        path: ["CAConfig", "NodeCertExpiry"],
        default: "2160h",
    },
    Setting {
        name: "dispatcher_heartbeat",
        kind: Kind::Duration { least: SECOND },
        path: ["Dispatcher", "HeartbeatPeriod"],
        default: "5s",
    },
    Setting {
        name: "max_snapshots",
        kind: Kind::Number { least: 0 },
        path: ["Raft", "KeepOldSnapshots"],
        default: "0",
    },
    Setting {
        name: "snapshot_interval",
        kind: Kind::Number { least: 1 },
        path: ["Raft", "SnapshotInterval"],
        default: "10000",
    },
    Setting {
        name: "task_history_limit",
        kind: Kind::Number { least: 0 },
        path: ["Orchestration", "TaskHistoryRetentionLimit"],
        default: "5",
    },
];

impl Setting {
    /// The value of a label as the engine's API has it.
    fn number(&self, text: &str) -> Option<u64> {
        match self.kind {
            Kind::Number { least } => text.parse().ok().filter(|number| *number >= least),
            Kind::Duration { least } => {
                let duration = parse_duration(text).filter(|duration| *duration >= least)?;
                u64::try_from(duration.as_nanos())
                    .ok()
                    .filter(|nanos| i64::try_from(*nanos).is_ok())
            }
        }
    }

    /// The engine's value as a label has it.
    fn text(&self, number: u64) -> String {
        match self.kind {
            Kind::Number { .. } => number.to_string(),
            Kind::Duration { .. } => format_duration(Duration::from_nanos(number)),
        }
    }

    /// The value that is nearest to a text which is none.
    fn nearest(&self, text: &str) -> Option<String> {
        match self.kind {
            Kind::Number { least } => {
                let whole: i128 = text.split('.').next()?.parse().ok()?;
                Some(whole.clamp(least.into(), u64::MAX.into()).to_string())
            }
            Kind::Duration { least } => {
                let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
                let hours = days.and_then(|days: u64| days.checked_mul(24));
                let meant = hours.map_or_else(
                    || parse_duration(text).filter(|meant| *meant < least),
                    |hours| parse_duration(&format!("{hours}h")),
                )?;
                Some(format_duration(meant.max(least)))
            }
        }
    }

    fn allowed(&self) -> String {
        match self.kind {
            Kind::Number { least } => format!("a whole number, {least} or more"),
            Kind::Duration { least } => {
                format!(
                    "a duration such as \"90m\" or \"72h\", {} or more",
                    format_duration(least)
                )
            }
        }
    }
}

/// What is wrong with the labels.
pub(super) fn check(labels: &BTreeMap<String, String>) -> Vec<Finding> {
    labels
        .iter()
        .filter_map(|(name, value)| check_one(name, value))
        .collect()
}

fn check_one(name: &str, value: &str) -> Option<Finding> {
    let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
        let all = SETTINGS.map(|setting| setting.name);
        return Some(labels::unknown(CoeKind::Swarm, name, &all));
    };
    if setting.number(value).is_some() {
        return None;
    }
    let wrong = NoValue {
        meant: setting.nearest(value),
        allowed: format!(
            "It is {}; {} where it is not said",
            setting.allowed(),
            setting.default
        ),
    };
    Some(wrong.of(name, value))
}

/// Puts the settings of the labels, and the defaults of the others, into a `SwarmSpec`; whether that
/// changed it.
pub(super) fn apply(labels: &BTreeMap<String, String>, spec: &mut Value) -> bool {
    let before = spec.clone();
    for setting in &SETTINGS {
        let text = labels
            .get(setting.name)
            .map_or(setting.default, String::as_str);
        if let (Some(number), Some(spec)) = (setting.number(text), spec.as_object_mut()) {
            let [section, field] = setting.path;
            let section = spec
                .entry(section)
                .or_insert_with(|| Value::Object(serde_json::Map::new()));
            if let Some(section) = section.as_object_mut() {
                section.insert(field.to_owned(), number.into());
            }
        }
    }
    *spec != before
}

/// The settings of a `SwarmSpec`, as labels.
pub(super) fn read(spec: &Value) -> BTreeMap<String, String> {
    SETTINGS
        .iter()
        .filter_map(|setting| {
            let [section, field] = setting.path;
            // The API leaves out what is zero.
            let number = spec
                .get(section)?
                .get(field)
                .and_then(Value::as_u64)
                .unwrap_or(0);
            Some((setting.name.to_owned(), setting.text(number)))
        })
        .collect()
}

/// `72h`, `1h30m`, `5s`: whole numbers of hours, minutes, seconds and milliseconds.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = after
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let milliseconds: u64 = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return None,
        };
        let number: u64 = number.parse().ok()?;
        sum = sum.checked_add(Duration::from_millis(number.checked_mul(milliseconds)?))?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

/// In the shortest form that [`parse_duration`] reads.
fn format_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let parts = [
        (milliseconds / 3_600_000, "h"),
        (milliseconds / 60_000 % 60, "m"),
        (milliseconds / 1000 % 60, "s"),
        (milliseconds % 1000, "ms"),
    ];
    let mut text = String::new();
    for (number, unit) in parts.iter().filter(|(number, _)| *number > 0) {
        text.push_str(&number.to_string());
        text.push_str(unit);
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn summaries(pairs: &[(&str, &str)]) -> Vec<String> {
        let text = |finding: Finding| format!("{}. {}", finding.summary, finding.detail);
        check(&labels(pairs)).into_iter().map(text).collect()
    }

    #[test]
    fn every_default_is_a_value_and_comes_back_as_it_is() {
        for setting in &SETTINGS {
            let number = setting.number(setting.default).unwrap();
            assert_eq!(setting.text(number), setting.default, "{}", setting.name);
        }
    }

    #[test]
    fn an_unknown_label_gets_the_nearest_one() {
        expect_test::expect![[r#"
            swarm has no label "task_history". Did you mean "task_history_limit"? There are cert_expiry, dispatcher_heartbeat, max_snapshots, snapshot_interval, task_history_limit."#]]
        .assert_eq(&summaries(&[("task_history", "5")]).join("\n"));
        assert!(!summaries(&[("zzz", "5")]).join("").contains("Did you mean"));
    }

    #[test]
    fn a_value_out_of_range_is_told_what_is_allowed() {
        for (name, value) in [
            ("task_history_limit", "-1"),
            ("task_history_limit", "many"),
            ("snapshot_interval", "0"),
            ("cert_expiry", "59m"),
            ("cert_expiry", "90"),
            ("cert_expiry", "1d"),
            ("cert_expiry", "9999999999h"),
            ("dispatcher_heartbeat", ""),
            ("dispatcher_heartbeat", "h"),
        ] {
            assert_eq!(summaries(&[(name, value)]).len(), 1, "{name} = {value:?}");
        }
        expect_test::expect![[r#"
            "59m" is no value of cert_expiry. Did you mean "1h"? It is a duration such as "90m" or "72h", 1h or more; 2160h where it is not said."#]]
        .assert_eq(&summaries(&[("cert_expiry", "59m")]).join("\n"));
    }

    #[test]
    fn a_value_that_is_nearly_one_gets_that_one() {
        for (name, value, nearest) in [
            ("task_history_limit", "-1", Some("0")),
            ("task_history_limit", "7.5", Some("7")),
            ("task_history_limit", "many", None),
            ("snapshot_interval", "0", Some("1")),
            ("cert_expiry", "30d", Some("720h")),
            ("cert_expiry", "1m", Some("1h")),
            ("cert_expiry", "long", None),
        ] {
            let said = summaries(&[(name, value)]).join("");
            match nearest {
                Some(nearest) => assert!(said.contains(&format!("mean {nearest:?}?")), "{said}"),
                None => assert!(!said.contains("Did you mean"), "{said}"),
            }
        }
    }

    #[test]
    fn labels_go_into_the_spec_and_come_back_and_nothing_else_changes() {
        let mut spec = json!({ "Name": "default", "Raft": { "ElectionTick": 10 } });
        let wanted = labels(&[("task_history_limit", "0"), ("cert_expiry", "90m")]);
        assert!(apply(&wanted, &mut spec));
        assert!(!apply(&wanted, &mut spec));
        assert_eq!(spec["Raft"]["ElectionTick"], 10);
        assert_eq!(spec["Name"], "default");
        let read = read(&spec);
        assert_eq!(read["task_history_limit"], "0");
        assert_eq!(read["cert_expiry"], "1h30m");
        assert_eq!(read["max_snapshots"], "0");
    }
}
