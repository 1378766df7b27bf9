//! Against Nix itself.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod daemon;
mod hashes;
mod listing;
mod nar;
mod nar_info;
mod release;
mod store;
mod support;
mod writer;
