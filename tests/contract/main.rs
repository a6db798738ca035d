//! The platform contract on machines that are reached over SSH.
//!
//! Needs an engine (`tests/testbeds/docker-engine up`) and the images that `tests/testbeds/machine/build` and
//! `tests/testbeds/cloudstack-machine/build` build.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[allow(
    dead_code,
    unused_imports,
    clippy::wildcard_imports,
    reason = "the suite also serves platforms that make what they have"
)]
#[path = "../../engine/tests/platform_contract/mod.rs"]
mod platform_contract;

mod cloudstack;
mod hosts;
