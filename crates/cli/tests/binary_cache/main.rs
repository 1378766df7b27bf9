//! Binary caches of a real server, with real Nix that pulls and pushes.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod builds;
mod faults;
mod hostile;
mod kit;
mod plain;
mod pull;
mod push;
mod push_faults;
mod retention;
mod set_up;
mod stock;
mod upstream;
mod watch_store;
mod who;
