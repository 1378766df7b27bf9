//! `snowbank image push` to Debian's registry, and what skopeo pulls of it.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod built;
mod container;
mod database;
mod faults;
mod from;
mod kit;
mod paths;
mod release;
mod sbom;
