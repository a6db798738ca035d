//! Provisions container clusters on any platform with any container orchestration engine (COE).
//!
//! A *platform* makes networks and machines; a *COE driver* makes a cluster of them; the *planner* says
//! what has to be done; *steps* do it, each of them an ensure that may be asked twice.

pub mod cluster;
pub mod coe;
pub mod engine;
pub mod error;
pub mod model;
pub mod operation;
pub mod plan;
pub mod platform;
pub mod registry;
pub mod saga;
pub mod scheduler;
pub mod steps;
pub mod transport;
