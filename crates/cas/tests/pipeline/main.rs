//! The pipelines together: streams in, recipes, streams out, and what can go wrong between.

mod adopt;
mod cancel;
mod collect;
mod damage;
mod disk_full;
mod hostile;
mod round_trip;
mod support;
