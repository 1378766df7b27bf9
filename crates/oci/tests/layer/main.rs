//! Layers: the same from NARs and from disk, renamed, merged, cut into parts.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod conflicts;
mod names;
mod newer;
mod parts;
mod random;
mod renamed;
mod support;
