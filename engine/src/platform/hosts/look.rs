//! A look at all machines at once: what each says of itself and of clusters.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Hosts;
use super::marker::Marker;
use super::record::KeptRecord;
use crate::error::chain;
use crate::model::{ClusterId, NodeName, Owner};
use crate::platform::ssh_node::SshMachine;
use crate::platform::{PlatformError, Retry};

const LOOK: &str = include_str!("scripts/look.sh");

/// The claim on a cluster, as a machine keeps it.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct KeptClaim(pub(super) Owner);

/// What a machine says.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) marker: Option<Marker>,
    /// Whether the node's service runs.
    pub(super) runs: bool,
    pub(super) records: BTreeMap<ClusterId, KeptRecord>,
    pub(super) claims: BTreeMap<ClusterId, KeptClaim>,
    /// Clusters of which another machine may not know that they are gone.
    pub(super) gone: BTreeSet<ClusterId>,
}

/// What all machines say.
pub(super) struct Sight {
    pub(super) seen: BTreeMap<NodeName, Seen>,
    /// Why the others said nothing.
    pub(super) silent: BTreeMap<NodeName, PlatformError>,
}

impl Sight {
    /// The record of a cluster: of several the newest one.
    pub(super) fn record(&self, cluster: ClusterId) -> Option<&KeptRecord> {
        let records = self.seen.values();
        let of_cluster = records.filter_map(|seen| seen.records.get(&cluster));
        of_cluster.max_by_key(|kept| kept.revision)
    }

    /// Clusters that are over, whatever a machine says that was not told.
    pub(super) fn gone(&self) -> BTreeSet<ClusterId> {
        self.seen
            .values()
            .flat_map(|seen| seen.gone.iter().copied())
            .collect()
    }

    /// The machines that carry a node's marker, the one that counts last.
    pub(super) fn of_node(&self, cluster: ClusterId, node: &NodeName) -> Vec<(&NodeName, &Marker)> {
        let markers = self.seen.iter().filter_map(|(name, seen)| {
            let marker = seen.marker.as_ref()?;
            marker.is_of(cluster, node).then_some((name, marker))
        });
        let mut markers: Vec<_> = markers.collect();
        markers.sort_by_key(|(_, marker)| marker.since);
        markers
    }
}

impl Hosts {
    /// Looks at all machines. An error only where none says anything.
    pub(super) async fn look(&self) -> Result<Sight, PlatformError> {
        let machines = self.shared.machines.values();
        let looks = join_all(machines.map(async |machine| (machine, look_at(machine).await)));
        let mut sight = Sight {
            seen: BTreeMap::new(),
            silent: BTreeMap::new(),
        };
        for (machine, seen) in looks.await {
            match seen {
                Ok(seen) => _ = sight.seen.insert(machine.name.clone(), seen),
                Err(error) => {
                    tracing::warn!("machine {} says nothing: {}", machine.name, chain(&error));
                    sight.silent.insert(machine.name.clone(), error);
                }
            }
        }
        if sight.seen.is_empty()
            && let Some((_, error)) = sight.silent.pop_first()
        {
            return Err(error);
        }
        Ok(sight)
    }
}

/// Looks at one machine.
pub(super) async fn look_at(machine: &SshMachine) -> Result<Seen, PlatformError> {
    let said = machine.script("look at it", LOOK, &[], &[]).await?;
    parse(&said).map_err(|reason| PlatformError::Refused {
        what: format!("look at machine {}", machine.name),
        reason,
        help: Some("What is below /var/lib/coe there was not written by this program.".to_owned()),
        retry: Retry::Never,
    })
}

fn parse(said: &str) -> Result<Seen, String> {
    let mut seen = Seen::default();
    for line in said.lines() {
        let Some((path, content)) = line.split_once('\t') else {
            continue;
        };
        if path == "service" {
            seen.runs |= matches!(content, "active" | "activating" | "reloading");
        } else if path == "machine.json" {
            seen.marker = Some(json(path, content)?);
        } else if let Some((id, file)) = path
            .strip_prefix("clusters/")
            .and_then(|rest| rest.split_once('/'))
        {
            let id: ClusterId = id.parse().map_err(|error| format!("{path}: {error}"))?;
            match file {
                "record.json" => _ = seen.records.insert(id, json(path, content)?),
                "claim.json" => _ = seen.claims.insert(id, json(path, content)?),
                "gone" => _ = seen.gone.insert(id),
                _ => {}
            }
        }
    }
    Ok(seen)
}

fn json<T: DeserializeOwned>(path: &str, content: &str) -> Result<T, String> {
    serde_json::from_str(content).map_err(|error| format!("{path} is not understood: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_machine_says_nothing_and_what_is_foreign_is_named() {
        let free = parse("").unwrap();
        assert!(free.marker.is_none() && !free.runs);
        assert!(parse("service\tactive\n").unwrap().runs);
        let error = parse("machine.json\tnot ours\n").unwrap_err();
        assert!(
            error.starts_with("machine.json is not understood"),
            "{error}"
        );
        let id = ClusterId::new();
        let gone = parse(&format!("clusters/{id}/gone\t\n")).unwrap();
        assert!(gone.gone.contains(&id));
    }
}
