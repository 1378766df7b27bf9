//! The pipelines together: streams in, recipes, streams out, and what can go wrong between.

#![allow(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod adopt;
mod cancel;
mod collect;
mod damage;
mod disk_full;
mod hostile;
mod ingest_with;
mod round_trip;
mod support;
mod take;
