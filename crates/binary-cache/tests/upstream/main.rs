//! Fetching paths from upstream caches: from servers that behave badly, and from caches that Nix made.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod checks;
mod outages;
mod peer;
mod query;
mod resume;
mod server;
mod support;
mod transport;
