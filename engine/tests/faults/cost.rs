//! What an operation costs: calls, which are counted, and time, which is only measured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coe_engine::engine::{Engine, Settings};
use coe_engine::model::OnCreateFailure;
use coe_engine::platform::simulated::{Call, Simulated, SimulatedSettings};
use jiff::SignedDuration;

use crate::caller::{Caller, Wanted};
use crate::fault::Faults;
use crate::gate::Made;
use crate::secrets::{Events, Secrets};
use crate::support::{operation_within, spec};
use crate::trials;
use crate::world::World;

/// Calls to the platform, and commands and files for its machines.
fn counted(made: &[Made]) -> (usize, usize) {
    let is_of_machine = |made: &&Made| matches!(made.call, Call::Run | Call::PutFiles);
    let of_machines = made.iter().filter(is_of_machine).count();
    (made.len() - of_machines, of_machines)
}

/// What a create of so many workers, and a look at them, make of calls.
fn calls_of(workers: u32) -> [(usize, usize); 2] {
    let folder = trials::folder();
    let world = World::new(folder.path().to_owned());
    let secrets = Arc::<Secrets>::default();
    let caller = Caller::default();
    world.clear().unwrap();
    let created = world.run(Faults::default(), &secrets, async |process| {
        let wanted = Wanted::cluster(spec(1, workers));
        let applied = caller.apply(process, &wanted).await;
        applied.unwrap_or_else(|failure| panic!("{failure}"));
        counted(&process.gate.made())
    });
    let looked = world.run(Faults::default(), &secrets, async |process| {
        process.gate.arm();
        caller.refresh(process).await.unwrap().unwrap();
        counted(&process.gate.made())
    });
    [created.unwrap().unwrap(), looked.unwrap().unwrap()]
}

#[test]
fn a_create_asks_the_platform_three_times_a_node_at_the_most_and_a_look_once_for_all() {
    let (few, many) = (4, 24);
    let [[created_few, looked_few], [created_many, looked_many]] = [few, many].map(calls_of);
    let nodes = (many - few) as usize;
    let of_platform = created_many.0 - created_few.0;
    let of_machines = created_many.1 - created_few.1;
    println!(
        "a node more: {of_platform} / {nodes} calls to the platform, {of_machines} / {nodes} to machines"
    );
    println!(
        "a look: {} calls to the platform, {} to machines",
        looked_many.0, looked_many.1
    );
    assert!(of_platform <= 3 * nodes, "{of_platform} for {nodes} nodes");
    assert_eq!(looked_few.0, looked_many.0);
    assert_eq!(looked_many.0, 1, "one list of everything");
    assert_eq!(looked_few.1, looked_many.1);
}

/// How long a create takes with its journal there, or with none.
fn time_of_create(journal_dir: Option<PathBuf>) -> Duration {
    let folder = trials::folder();
    let platform = Simulated::new(SimulatedSettings::in_folder(folder.path()));
    let settings = Settings {
        journal_dir,
        ..Settings::default()
    };
    let engine = Engine::new(Arc::new(platform), settings);
    let events = Arc::new(Events(Arc::default()));
    let operation = operation_within(SignedDuration::from_mins(5), events);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let began = Instant::now();
    let spec = spec(3, 20);
    let created = runtime.block_on(engine.create(&spec, OnCreateFailure::Rollback, &operation));
    created.unwrap_or_else(|failure| panic!("{failure}"));
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
#[ignore = "measures: what it prints depends on the machine"]
fn what_the_journal_adds_to_a_create() {
    const ROUNDS: usize = 9;
    let (memory, disk) = (
        trials::folder(),
        tempfile::tempdir_in(Path::new("/var/tmp")).unwrap(),
    );
    let places = [
        ("none", None),
        ("in memory", Some(memory.path().to_owned())),
        ("on disk", Some(disk.path().to_owned())),
    ];
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        // They take turns, so that noise meets all of them.
        for ((_, place), times) in places.iter().zip(&mut times) {
            times.push(time_of_create(place.clone()));
        }
    }
    let [without, ..] = times.clone().map(median);
    for ((name, _), times) in places.iter().zip(times) {
        let time = median(times);
        let ratio = time.as_secs_f64() / without.as_secs_f64();
        println!("a create of 23 nodes, journal {name}: {time:.0?}, {ratio:.3} of one without");
    }
}
