//! The built `snowbank` with real clients, stores and faults.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod archive;
mod backup;
mod crash;
mod crash_upkeep;
mod crowd;
mod deploy;
mod forgejo;
mod hash_files;
mod health;
mod identity;
mod limits;
mod max_disk;
mod monitoring;
mod npm;
mod server;
mod shared;
mod start;
mod store;
mod tokens;
mod upkeep;
