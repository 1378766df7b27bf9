//! `snowbank doctor`: each finding is caused, with a real server, git and Nix.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod keys;
mod kit;
mod lock_file;
mod nix;
mod service;
mod symptoms;
