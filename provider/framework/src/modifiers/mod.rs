//! Ready-made plan modifiers.

mod requires_replace;
mod use_state_for_unknown;

pub use requires_replace::requires_replace;
pub use use_state_for_unknown::use_state_for_unknown;
