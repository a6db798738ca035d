//! What the tests of the whole share: the real `terraform`, the real Docker Engine, and a stack of
//! configuration that cleans up after itself.

pub mod docker;
pub mod provider;
pub mod stack;
pub mod terraform;

pub use stack::Stack;
