//! The built `snowbank` with real clients, stores and faults.

mod archive;
mod crash;
mod limits;
mod npm;
mod server;
mod shared;
mod store;
mod upkeep;
