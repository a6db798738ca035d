//! Real terraform, a real Docker Engine, real Swarm clusters. Each test counts what is on the engine when it
//! is done: nothing may be left.

mod bad_input;
mod cluster_node;
mod credentials;
mod engine;
mod gc;
mod import;
mod interrupt;
mod kill;
mod lifecycle;
mod parallel;
mod planning;
mod protection;
mod reads;
mod repair;
mod simulated;
mod stop_start;
mod watch;
mod workload;

use std::time::{Duration, Instant};

/// Looks again and again until `holds`, for at most a minute.
fn await_condition(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "not within a minute: {what}"
        );
        std::thread::yield_now();
    }
}
