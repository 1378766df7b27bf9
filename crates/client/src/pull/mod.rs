//! Pulling closures from a cache of a Snowbank server: one request tells what there is, a few bring all frames.
//!
//! What the server tells is a snapshot that nobody saved: the frames of many NARs, put in a row, are packs whose footers
//! are made here. So a pull is a restore, with its lanes, its writers and its checks. Chunks that files of the local store
//! hold under other paths are read from there (`local`). Nothing is written before every path is known to be signed by a
//! trusted key, or to follow from its content; and each NAR's hash, which the signature covers, is checked as it is written.
//!
//! Memory: what the server tells, 72 bytes a frame and 64 MiB at most, three times (as it came, laid out, and as the
//! restore looks frames up); what a restore holds.

mod ask;
mod check;
mod elsewhere;
mod error;
mod fetch;
mod here;
mod laid;
mod layout;
mod local;
mod plan;
mod planned;
mod report;
mod source;
#[cfg(test)]
pub(crate) mod tests;
mod told;
mod trust;
mod whole;

pub use error::PullError;
pub(crate) use error::named;
pub use fetch::Fetch;
pub use plan::{MAX_RECORDS, Plan, PlanError, PlannedPath};
pub use planned::{Planned, Question};
pub use report::{Pulled, Report};
pub(crate) use source::PulledPacks;
pub use trust::Trust;
pub(crate) use whole::{Believed, Whole, whole};
