//! NARs: vectors, round trips, hostile bytes, file systems.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod content_check;
mod files;
mod hostile;
mod layout;
mod listing;
mod round_trip;
mod support;
mod vectors;
mod walk;
