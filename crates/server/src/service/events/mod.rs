//! What happened, told to people: gathered in memory while jobs are served, explained and written in batches.
//!
//! No answer waits for any of it. What must not be lost (why an entry went, what became of an upload) is written by the
//! transaction that does it; what is gathered here is what was asked and how often, and a crash loses the last second of
//! that. That is right: nothing that anybody was promised is in it, and a lookup must not cost a write.

mod ask;
mod bounds;
mod explain;
mod log;
mod words;
mod write;

pub use ask::{EventQuery, Onlooker};
pub(super) use log::EventLog;
pub use words::{why_gone, why_missed};
