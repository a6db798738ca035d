//! The stand-in for a CloudStack, held to what it stands in for.

mod authentication;
mod fixture;
mod jobs;
mod lists;
mod machines;
mod networks;
