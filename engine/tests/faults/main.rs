//! Every operation with every fault at every one of its calls, and many with several at random.
//!
//! A trial is an operation on the simulated platform in which calls go wrong; then the same is wanted again by the
//! next process, in which nothing does; then it is destroyed. What must hold is in `check`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caller;
mod check;
mod coe;
mod cost;
mod fault;
mod gate;
#[path = "../support/group.rs"]
mod group;
mod platform;
mod secrets;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod trial;
mod trials;
mod world;

use fault::{Faults, Harm};
use story::Story;
use trial::{Bench, Trial};
use world::World;

/// How many trials with several faults there are, unless `COE_FAULTS_TRIALS` says.
const RANDOM_TRIALS: u64 = 10_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}

#[test]
fn every_operation_survives_every_fault_at_every_call() {
    let folder = trials::folder();
    let mut bench = Bench::new(World::new(folder.path().to_owned()));
    let only = std::env::var("COE_FAULTS_TRIAL").ok();
    let mut all = Vec::new();
    for story in Story::ALL {
        let calls = bench.calls_of(story).unwrap();
        for (made, position) in calls.iter().zip(1..) {
            let harms = Harm::ALL.into_iter();
            for harm in harms.filter(|harm| made.has_effect || !harm.needs_effect()) {
                for undo_fails in [false, true] {
                    if undo_fails && !harm.may_be_undone() {
                        continue;
                    }
                    let faults = Faults {
                        at: vec![(position, harm)],
                        undo_fails,
                    };
                    let trial = Trial {
                        story,
                        processes: vec![faults],
                        is_given_up: false,
                    };
                    if story == Story::Destroy {
                        let trial = Trial {
                            is_given_up: true,
                            ..trial.clone()
                        };
                        all.push((trial.to_string(), trial));
                    }
                    all.push((trial.to_string(), trial));
                }
            }
        }
        println!("{}: {} calls", story.as_str(), calls.len());
    }
    if let Some(only) = only {
        all.retain(|(name, _)| name.starts_with(&only));
    }
    let all = all.into_iter().map(|(name, trial)| {
        let alone = format!("COE_FAULTS_TRIAL='{name}'");
        (trial, alone)
    });
    trials::run_all(&all.collect::<Vec<_>>());
}

#[test]
fn every_operation_survives_several_faults_at_random() {
    let seeds = match number("COE_FAULTS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("COE_FAULTS_TRIALS").unwrap_or(RANDOM_TRIALS),
    };
    let all = seeds.map(|seed| (trials::random(seed), format!("COE_FAULTS_SEED={seed}")));
    trials::run_all(&all.collect::<Vec<_>>());
}
