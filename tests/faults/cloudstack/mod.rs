//! The same at calls to a cloud: the stand-in of `tests/cloudstack`, whose machines boot.

mod kind;
mod life;
mod place;

use std::collections::BTreeMap;

use kind::Kind;
use life::{GoodLife, Places};
use place::{Place, places};

use crate::operation::Operation;
use crate::{assert_all_converged, live_all};

/// How many lives are lived at once: machines boot, so fewer than of containers.
const AT_ONCE: usize = 2;

/// Four lives with other faults at other calls in each of their operations: those that are told most apart.
#[test]
fn a_fault_at_a_call_to_a_cloud_costs_nothing() {
    let good = life::good_life();
    let lives = [
        (Kind::Restart, 7),
        (Kind::ReplyLost, 2),
        (Kind::KilledAfter, 5),
        (Kind::JobFailsAfterAll, 0),
    ]
    .map(|(kind, eighth)| {
        let place = |(operation, good): (&Operation, &life::Good)| {
            let mut places = places(&good.calls);
            places.retain(|place| !place.is_read() && kind.befalls(place));
            let nth = places.len() * eighth / 8;
            (*operation, places.swap_remove(nth))
        };
        (kind, good.iter().map(place).collect::<Places>())
    });
    let trials = live_all(&lives, AT_ONCE, |(kind, places)| {
        life::live(*kind, places, &good)
    });
    assert_all_converged(&trials);
    assert!(trials.len() >= lives.len(), "hardly any fault was reached");
}

/// Every call of every operation, with every kind of fault that can befall it. `COE_FAULTS_EVERY` takes each n-th life alone,
/// `COE_FAULTS_COMMANDS` lists the commands (parts of their names, in lower case), `COE_FAULTS_KINDS` lists the faults
/// (parts of theirs), `COE_FAULTS_OPERATIONS` the operations, `COE_FAULTS_REPORT` the file of the report.
#[test]
#[ignore = "takes hours: tests/faults/run"]
fn a_fault_at_any_call_to_a_cloud_costs_nothing() {
    let every = listed("COE_FAULTS_EVERY");
    let every = every
        .first()
        .map_or(1, |every| every.parse().expect("a number"));
    let good = life::good_life();
    for (operation, good) in &good {
        eprintln!("{operation}: {:?}", good.calls);
    }
    let lives: Vec<(Kind, Places)> = all_lives(&good).into_iter().step_by(every).collect();
    eprintln!("{} lives", lives.len());
    let trials = live_all(&lives, AT_ONCE, |(kind, places)| {
        life::live(*kind, places, &good)
    });
    if let Ok(path) = std::env::var("COE_FAULTS_REPORT") {
        std::fs::write(path, crate::report::table(&trials)).expect("the report is written");
    }
    assert_all_converged(&trials);
}

/// The parts of a variable between its commas; none where it is not set.
fn listed(variable: &str) -> Vec<String> {
    let value = std::env::var(variable).unwrap_or_default();
    let parts = value.split(',').map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Whether a name has one of the parts that are wanted; where none is, each has.
fn is_wanted(wanted: &[String], name: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()))
}

/// Lives in which each call of each operation goes wrong in each way: as many as the operation needs that makes most calls.
fn all_lives(good: &GoodLife) -> Vec<(Kind, Places)> {
    let (commands, kinds) = (listed("COE_FAULTS_COMMANDS"), listed("COE_FAULTS_KINDS"));
    let operations = listed("COE_FAULTS_OPERATIONS");
    let mut lives = Vec::new();
    for kind in Kind::ALL {
        if !is_wanted(&kinds, &kind.to_string()) {
            continue;
        }
        let mut left: BTreeMap<Operation, Vec<Place>> = BTreeMap::new();
        for (operation, good) in good {
            if !is_wanted(&operations, &operation.to_string()) {
                continue;
            }
            let mut places = places(&good.calls);
            places.retain(|place| kind.befalls(place) && is_wanted(&commands, &place.command));
            places.reverse();
            left.insert(*operation, places);
        }
        loop {
            let next = left.iter_mut();
            let next = next.filter_map(|(operation, places)| Some((*operation, places.pop()?)));
            let next: Places = next.collect();
            if next.is_empty() {
                break;
            }
            lives.push((kind, next));
        }
    }
    lives
}
