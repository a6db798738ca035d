//! Feature gates: which there are, and from which minor on.

use std::collections::BTreeMap;

use super::words;
use crate::coe::labels::{NoValue, nearest};

/// The gates of the components of Kubernetes 1.34, a line each: its name, the minor that brought it, and where it can be
/// set no more the minor from which that is so and the value that it has. After
/// `test/compatibility_lifecycle/reference/versioned_feature_list.yaml` of Kubernetes.
const GATES: &str = include_str!("feature_gates.tsv");
/// The newest minor whose gates are all known.
const KNOWN: u64 = 34;

struct Gate {
    name: &'static str,
    since: u64,
    locked: Option<(u64, bool)>,
}

fn all() -> impl Iterator<Item = Gate> {
    GATES.lines().filter_map(|line| {
        let mut columns = line.split('\t');
        Some(Gate {
            name: columns.next()?,
            since: columns.next()?.parse().ok()?,
            locked: columns
                .next()
                .and_then(|minor| Some((minor.parse().ok()?, columns.next()? == "true"))),
        })
    })
}

/// Gates of that minor, as components take them: `UserNamespacesSupport=true,…`. Of a minor whose gates are not all
/// known, one that is not known is taken for one of its own.
pub(super) fn parse(text: &str, minor: u64) -> Result<BTreeMap<String, bool>, NoValue> {
    words(text).map(|word| gate(word, minor)).collect()
}

fn gate(word: &str, minor: u64) -> Result<(String, bool), NoValue> {
    let gate = word
        .split_once('=')
        .and_then(|(name, value)| Some((name, value.parse::<bool>().ok()?)));
    let Some((name, value)) = gate else {
        return Err(NoValue::allowed(format!(
            "{word:?} is no gate with true or false: gates are name=true, with commas, spaces or line breaks between them"
        )));
    };
    match all().find(|gate| gate.name == name) {
        None if minor > KNOWN => {}
        None => {
            let meant = nearest(
                name,
                all()
                    .filter(|gate| gate.since <= minor)
                    .map(|gate| gate.name),
            );
            return Err(NoValue {
                meant: meant.map(|meant| format!("{meant}={value}")),
                allowed: format!("Kubernetes 1.{minor} has no feature gate {name}"),
            });
        }
        Some(gate) if gate.since > minor => {
            return Err(NoValue::allowed(format!(
                "Kubernetes has the feature gate {name} from 1.{} on, and this is 1.{minor}",
                gate.since
            )));
        }
        Some(Gate {
            locked: Some((from, to)),
            ..
        }) if from <= minor && to != value => {
            return Err(NoValue::allowed(format!(
                "{name} cannot be set to {value}: it is {to} for good from Kubernetes 1.{from} on"
            )));
        }
        Some(_) => {}
    }
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        assert_eq!(all().count(), GATES.lines().count());
        let locked = all().find(|gate| gate.name == "AnyVolumeDataSource");
        assert_eq!(locked.and_then(|gate| gate.locked), Some((33, true)));
    }

    #[test]
    fn a_gate_is_one_of_the_minor_that_is_asked_for() {
        for (gate, minor, fits) in [
            ("ContainerRestartRules=true", 34, true),
            ("ContainerRestartRules=true", 33, false),
            ("APIServerTracing=false", 33, true),
            ("APIServerTracing=false", 34, false),
            ("APIServerTracing=true", 34, true),
            ("Unheard=true", 34, false),
            ("Unheard=true", 35, true),
        ] {
            assert_eq!(parse(gate, minor).is_ok(), fits, "{gate} in 1.{minor}");
        }
    }
}
