//! `save` and `restore` of the built `snowbank`, on real Nix stores, against a real server and a folder.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod action;
mod beside;
mod builds;
mod daemon;
mod days;
mod faults;
mod generations;
mod github;
mod helper;
mod job;
mod jobs;
mod kill;
mod kit;
mod lazy;
mod listing;
mod nobody;
mod round_trip;
mod run;
mod size;
mod tidy;
