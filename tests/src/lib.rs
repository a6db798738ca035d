//! What the tests of the whole share: the real `terraform`, the real Docker Engine, and a stack of
//! configuration that cleans up after itself.

pub mod cloudstack;
pub mod complaint;
pub mod docker;
pub mod engine_proxy;
pub mod machines;
pub mod openstack;
pub mod process;
pub mod provider;
pub mod stack;
pub mod terraform;

pub use stack::Stack;

use std::time::{Duration, Instant};

/// Looks again and again until `holds`, for at most a minute.
///
/// # Panics
/// When it does not.
pub fn await_condition(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "not within a minute: {what}"
        );
        std::thread::yield_now();
    }
}
