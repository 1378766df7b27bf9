//! Work behind the scenes: recoding, limits, collection, checking.

mod census;
mod check;
mod collect;
mod evict;
mod ledger;
mod order;
mod recode;
mod repack;

pub use check::{CheckReport, Damage};
pub use collect::{CollectPlan, CollectReport};
pub(in crate::service) use evict::Counted;
pub use evict::EvictReport;
