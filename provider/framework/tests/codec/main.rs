//! Values on the wire: against their own reader, against bytes that nobody should send, and against the
//! library that Terraform itself uses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop at the first surprise

mod go_cty;
mod hostile;
mod round_trip;
mod typed_value;
