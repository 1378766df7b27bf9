//! Collection: which packs are worth rewriting, and moving what is alive in them.
//!
//! What is reachable is the catalog's to say; deleting a pack is its caller's affair.

mod plan;
mod repack;

pub use plan::{PackUse, RepackRule, plan_repack};
pub use repack::{MEMORY, RepackError, Repacked, repack};
