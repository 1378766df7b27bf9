//! Restoring into real private stores, which Nix checks then.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod faults;
mod hostile;
mod interrupted;
mod others;
mod room;
mod support;
mod trees;
mod whole;
mod writers;
