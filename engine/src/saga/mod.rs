//! A saga: steps that are done in order, and undone when one of them fails.

pub mod journal;
mod runner;
mod step;

pub use runner::{OnFailure, Runner, SagaFailure};
pub use step::{Lane, Saga, Stage, Step, StepError, StepName};
