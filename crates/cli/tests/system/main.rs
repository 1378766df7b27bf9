//! The built `snowbank` with real clients, stores and faults.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod archive;
mod crash;
mod crowd;
mod limits;
mod max_disk;
mod npm;
mod server;
mod shared;
mod store;
mod upkeep;
