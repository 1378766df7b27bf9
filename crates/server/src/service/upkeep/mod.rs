//! Work behind the scenes: recoding, limits, collection, checking.

mod census;
mod check;
mod check_nars;
mod collect;
mod evict;
mod ledger;
#[cfg(test)]
mod one_nar;
mod order;
#[cfg(test)]
mod outage;
mod recode;
mod repack;
mod space;

pub use check::{CheckReport, Damage};
pub use collect::{CollectPlan, CollectReport};
pub use evict::EvictReport;
pub(in crate::service) use space::Counted;
