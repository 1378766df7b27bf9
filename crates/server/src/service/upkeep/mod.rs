//! Work behind the scenes: recoding, limits, collection, checking.

mod check;
mod collect;
mod evict;
#[cfg(test)]
mod outage;
mod recode;
mod repack;

pub use check::{CheckReport, Damage};
pub use collect::{CollectPlan, CollectReport};
pub use evict::EvictReport;
