//! Cutting a byte stream into chunks by its content.
//!
//! The cut is FastCDC's: a rolling gear hash, a minimum that is skipped, and a stricter condition before the
//! average than after it. In a tar a cut is forced where a file's content begins and where it ends, so that
//! equal files give equal chunks whatever lies around them.

mod cutter;
mod gear;
mod params;
mod scan;

pub use cutter::{CutError, Cutter, Layout};
pub use params::{MAX_CHUNK, Params, ParamsError};

/// Names the rules by which streams are cut, the gear table included; it rises when equal bytes and equal
/// [`Params`] would no longer give equal chunks.
pub const VERSION: u32 = 1;
