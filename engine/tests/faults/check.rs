//! What must be true of a world.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use coe_engine::cluster::Cluster;
use coe_engine::model::{ClusterStatus, DesiredState, NodeName, ObservedCluster};
use coe_engine::platform::{Platform, Scope};
use coe_engine::saga::journal::{Entry, JournalWatch, Process};
use serde_json::Value;

use crate::caller::Wanted;
use crate::secrets::Secrets;
use crate::world::World;

/// Nothing, or what is wrong.
pub(crate) type Verdict = Result<(), String>;

/// An error as a verdict.
pub(crate) fn told<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, wanted: &T) -> Verdict {
    if is == wanted {
        Ok(())
    } else {
        Err(format!("{what}: {is:?}, and not {wanted:?}"))
    }
}

/// No secret in any journal, event, log line or error.
pub(crate) fn no_secret_is_told(world: &World, secrets: &Secrets) -> Verdict {
    for journal in world.journals().map_err(told("reading journals"))? {
        secrets.hear(journal);
    }
    match secrets.betrayed() {
        Some(secret) => Err(format!("a secret was told: {secret}")),
        None => Ok(()),
    }
}

/// Nothing is there: not of the cluster, not of anything that points to it, and no journal.
pub(crate) fn nothing_is_left(world: &World) -> Verdict {
    let files = files_below(&world.platform_folder()).map_err(told("listing"))?;
    let left: Vec<_> = files
        .into_iter()
        .filter(|path| path != Path::new("lock"))
        .collect();
    same("left on the platform", &left, &Vec::new())?;
    let journals = world.journals().map_err(told("reading journals"))?;
    same("journals left", &journals, &Vec::new())
}

/// The cluster that was told is the one that is there, and it is as wanted, no more and no less.
pub(crate) async fn is_as_wanted(world: &World, cluster: &Cluster, wanted: &Wanted) -> Verdict {
    let Some(spec) = &wanted.cluster else {
        return Err("a cluster is there that nobody wants".to_owned());
    };
    let all = world.platform().observe(&Scope::All).await;
    let all = all.map_err(told("observing"))?;
    let ids: Vec<_> = all.iter().map(|observed| observed.id).collect();
    same("clusters", &ids, &vec![cluster.id()])?;
    let status = match spec.desired_state {
        DesiredState::Running => ClusterStatus::Running,
        DesiredState::Stopped => ClusterStatus::Stopped,
    };
    same("status", &cluster.status(), &status)?;
    let mut nodes = BTreeSet::new();
    for (role, count) in [
        ("control-plane", spec.control_planes.get()),
        ("worker", spec.workers),
    ] {
        for ordinal in 1..=count {
            let name: NodeName = format!("{}-{role}-{ordinal}", spec.name)
                .parse()
                .map_err(told("a name"))?;
            nodes.insert(name);
        }
    }
    nodes.extend(wanted.node.iter().map(|node| node.name.clone()));
    if let Some(group) = &wanted.group {
        for ordinal in 1..=group.count {
            let name = spec.name.group_node(&group.name, ordinal);
            nodes.insert(name.map_err(told("a name"))?);
        }
    }
    let observed = &cluster.observed;
    let machines: BTreeSet<_> = observed.machines.keys().cloned().collect();
    same("machines", &machines, &nodes)?;
    let volumes: BTreeSet<_> = observed.volumes.keys().cloned().collect();
    same("nodes with volumes", &volumes, &nodes)?;
    if let Some(members) = &observed.members {
        let members: BTreeSet<_> = members.keys().cloned().collect();
        same("members", &members, &nodes)?;
        let once: Vec<String> = nodes.iter().map(ToString::to_string).collect();
        same("members in the ledger", &in_the_ledger(world)?, &once)?;
    }
    nothing_is_without_owner(world, observed)?;
    journal_is_closed(world)
}

/// Each object of the platform is one of the cluster's.
fn nothing_is_without_owner(world: &World, observed: &ObservedCluster) -> Verdict {
    let folder = world.platform_folder();
    let machines: Vec<String> = observed.machines.keys().map(ToString::to_string).collect();
    same(
        "folder machines",
        &names_in(&folder.join("machines"))?,
        &machines,
    )?;
    let volumes = observed.volumes.iter();
    let volumes =
        volumes.flat_map(|(node, of_node)| of_node.iter().map(move |of| format!("{node}-{of}")));
    let mut volumes: Vec<String> = volumes.collect();
    volumes.sort();
    same(
        "folder volumes",
        &names_in(&folder.join("volumes"))?,
        &volumes,
    )?;
    let networks = names_in(&folder.join("networks"))?;
    let network: Vec<String> = observed
        .network
        .iter()
        .map(|net| net.name.clone())
        .collect();
    same("folder networks", &networks, &network)?;
    for network in network {
        let mut addresses: Vec<String> = observed
            .machines
            .values()
            .map(|machine| machine.address)
            .chain(observed.balancer.iter().map(|balancer| balancer.address))
            .map(|address| address.to_string())
            .collect();
        addresses.sort();
        let held = folder.join("networks").join(network).join("addresses");
        same("addresses", &names_in(&held)?, &addresses)?;
    }
    let ports = observed.machines.values();
    let ports: usize = ports.map(|machine| machine.published.len()).sum();
    let ports = ports + usize::from(observed.balancer.is_some());
    same("ports", &names_in(&folder.join("ports"))?.len(), &ports)?;
    let id = vec![observed.id.to_string()];
    same("folder clusters", &names_in(&folder.join("clusters"))?, &id)?;
    let name = observed.owner.cluster_name.to_string();
    same(
        "folder names",
        &names_in(&folder.join("names").join(name))?,
        &id,
    )
}

/// No operation is open in the cluster's journal, but for that of a process that was killed and after which nothing
/// had to be done: each further one notes that it died.
fn journal_is_closed(world: &World) -> Verdict {
    let mut watch = JournalWatch::new(world.journal_folder());
    let looks = watch.look().map_err(told("looking at journals"))?;
    same("journals", &looks.len(), &1)?;
    for look in looks {
        let look = look.map_err(told("reading a journal"))?;
        let last = look.records.last().map(|record| &record.entry);
        let is_over = matches!(last, Some(Entry::OperationEnded(_)));
        let open = look.unended.iter();
        let open: Vec<_> = open
            .filter(|(_, process)| is_over || **process != Process::Dead)
            .collect();
        same("operations without an end", &open, &Vec::new())?;
    }
    Ok(())
}

/// The members by the newest page of each in all copies of the ledger, dead ones too.
fn in_the_ledger(world: &World) -> Result<Vec<String>, String> {
    let folder = world.platform_folder().join("volumes");
    let mut pages: BTreeMap<String, (u64, Value)> = BTreeMap::new();
    for path in files_below(&folder).map_err(told("listing"))? {
        if !path.iter().any(|part| part == "ledger") {
            continue;
        }
        let text = fs::read(folder.join(&path)).map_err(told("reading a page"))?;
        let page: Value = serde_json::from_slice(&text).map_err(told("reading a page"))?;
        let revision = page["revision"].as_u64().unwrap_or_default();
        let key = page["key"].to_string();
        if pages.get(&key).is_none_or(|(known, _)| *known < revision) {
            pages.insert(key, (revision, page["content"]["member"]["node"].clone()));
        }
    }
    let nodes = pages.values().filter_map(|(_, node)| node.as_str());
    let mut nodes: Vec<String> = nodes.map(str::to_owned).collect();
    nodes.sort();
    Ok(nodes)
}

fn names_in(folder: &Path) -> Result<Vec<String>, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names
        .collect::<std::io::Result<_>>()
        .map_err(told("listing"))?;
    names.sort();
    Ok(names)
}

fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder.join(&below)) else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    Ok(files)
}
