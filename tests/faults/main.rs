//! Something goes wrong at the n-th call to a real Docker Engine, or to the stand-in for a CloudStack (`cloudstack`), or a
//! process is killed there; then terraform is run again, and everything has to be as it was asked for, with nothing left
//! over.
//!
//! `tests/faults/run` tries every call, and writes the report.

mod chain;
mod cloudstack;
mod coe;
mod kind;
mod operation;
mod report;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use chain::{Places, Trial};
use kind::Kind;
use operation::Operation;

/// How many lives are lived at once: they wait more than they work.
const AT_ONCE: usize = 4;

/// Lives these lives, some at once; a life tells its trials.
fn live_all<L: Sync, K: Display + Send>(
    lives: &[L],
    at_once: usize,
    live: impl Fn(&L) -> Vec<Trial<K>> + Sync,
) -> Vec<Trial<K>> {
    let next = AtomicUsize::new(0);
    let trials = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(life) = lives.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let told = live(life);
                    for trial in &told {
                        eprintln!("{}", report::line(trial));
                    }
                    trials.lock().expect("no life panics").extend(told);
                }
            });
        }
    });
    trials.into_inner().expect("no life panics")
}

fn assert_all_converged<K: Copy + Display + Ord>(trials: &[Trial<K>]) {
    println!("{}", report::table(trials));
    let complaints = report::complaints(trials);
    assert!(complaints.is_empty(), "{complaints}");
}

/// One life for each kind of fault, at places that differ from kind to kind and from operation to operation.
#[test]
fn a_fault_at_a_call_costs_nothing() {
    let calls = chain::calls_of_a_good_life();
    let lives: Vec<(Kind, Places)> = Kind::ALL
        .into_iter()
        .enumerate()
        .map(|(position, kind)| {
            let place = |(index, (operation, calls)): (usize, (&Operation, &usize))| {
                // Steps of five eighths of the way meet every part of an operation.
                (
                    *operation,
                    1 + (position * 5 + index * 3 + 2) % 8 * calls / 8,
                )
            };
            (kind, calls.iter().enumerate().map(place).collect())
        })
        .collect();
    let trials = live_all(&lives, AT_ONCE, |(kind, places)| chain::live(*kind, places));
    assert_all_converged(&trials);
    assert!(trials.len() > lives.len(), "hardly any fault was reached");
}

/// Every call of every operation, with every kind of fault. `COE_FAULTS_EVERY` skips calls, `COE_FAULTS_CALLS` lists them
/// instead, `COE_FAULTS_KINDS` lists the faults (parts of their names), `COE_FAULTS_COE` names the COE,
/// `COE_FAULTS_REPORT` the file of the report.
#[test]
#[ignore = "takes hours: tests/faults/run"]
fn a_fault_at_any_call_costs_nothing() {
    let number = |text: &str| text.trim().parse().expect("a number");
    let every = std::env::var("COE_FAULTS_EVERY").map_or(1, |every| number(&every));
    let calls = chain::calls_of_a_good_life();
    let most = calls.values().copied().max().unwrap_or(0);
    let places: Vec<usize> = std::env::var("COE_FAULTS_CALLS").map_or_else(
        |_| (1..=most).step_by(every).collect(),
        |list| list.split(',').map(number).collect(),
    );
    let kinds = Kind::of_environment();
    let lives: Vec<(Kind, Places)> = places
        .into_iter()
        .flat_map(|nth| kinds.iter().map(move |kind| (*kind, nth)))
        .map(|(kind, nth)| {
            let reached = calls.iter().filter(|(_, calls)| nth <= **calls);
            let places: BTreeMap<_, _> = reached.map(|(operation, _)| (*operation, nth)).collect();
            (kind, places)
        })
        .collect();
    eprintln!("calls: {calls:?}; {} lives", lives.len());
    let trials = live_all(&lives, AT_ONCE, |(kind, places)| chain::live(*kind, places));
    if let Ok(path) = std::env::var("COE_FAULTS_REPORT") {
        std::fs::write(path, report::table(&trials)).expect("the report is written");
    }
    assert_all_converged(&trials);
}
