//! Runs many trials beside one another, and says which of them failed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::fault::{Faults, Harm};
use crate::story::Story;
use crate::trial::{Bench, Trial};
use crate::world::World;

/// No operation here has more calls, the undo of all of them included.
const MOST_CALLS: usize = 120;

/// A folder that goes with the test, in memory where there is a place for that.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// A trial of one to three processes in which one to four calls go wrong; the same for the same seed.
pub(crate) fn random(seed: u64) -> Trial {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut any_story = || Story::ALL[random.usize(..Story::ALL.len())];
    let mut story = any_story();
    if story.is_large() {
        // Half as often as others: it takes twice as long.
        story = any_story();
    }
    let mut processes = Vec::new();
    for _ in 0..[1, 1, 2, 3][random.usize(..4)] {
        let mut at = Vec::new();
        for _ in 0..random.usize(1..=4) {
            // Most operations are short: early calls are as much worth a trial as all the rest.
            let last = if random.bool() { 30 } else { MOST_CALLS };
            let position = random.usize(1..=last);
            at.push((position, Harm::ALL[random.usize(..Harm::ALL.len())]));
        }
        at.sort_by_key(|(position, _)| *position);
        at.dedup_by_key(|(position, _)| *position);
        processes.push(Faults {
            at,
            undo_fails: random.u8(..10) < 3,
        });
    }
    Trial {
        story,
        processes,
        is_given_up: story.can_be_given_up() && random.u8(..10) < 2,
    }
}

/// Runs them all, each of which is said with how it is run alone; panics with those that failed.
pub(crate) fn run_all(trials: &[(Trial, String)]) {
    let folder = folder();
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let root = folder.path().join(thread.to_string());
            let (next, failed) = (&next, &failed);
            scope.spawn(move || {
                std::fs::create_dir(&root).unwrap();
                let mut bench = Bench::new(World::new(root));
                while let Some((trial, alone)) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(wrong) = bench.run(trial) {
                        println!("{alone} failed: {trial}: {wrong}");
                        failed
                            .lock()
                            .unwrap()
                            .push(format!("{alone} ({trial}): {wrong}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    println!(
        "{} trials in {:.1} s on {threads} threads, {} failed",
        trials.len(),
        began.elapsed().as_secs_f64(),
        failed.len()
    );
    assert!(
        failed.is_empty(),
        "{} of {} trials failed; the first: {}",
        failed.len(),
        trials.len(),
        failed[0]
    );
}
