//! The rules of `docs/architecture.md` that a program can check, each a test that names file and line.

mod code;
mod house;
mod layers;
mod sources;
