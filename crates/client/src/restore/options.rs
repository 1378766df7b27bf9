//! How a restore goes about it.

use std::time::Duration;

/// Lanes at most; at least there are two, so that one writes while another waits for bytes.
const MOST_LANES: usize = 8;

/// How a restore goes about it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes that must stay free on the store's file system.
    pub min_free: u64,
    /// Whether the hash of every NAR is checked, beside those of its chunks.
    pub verify_nar: bool,
    /// Whether the hash of every chunk is checked. Where NARs are, it would say nothing more, only earlier.
    pub verify_chunks: bool,
    /// Threads that decompress, check and write, each fed by requests of its own.
    pub lanes: usize,
    /// How long to wait at the end for paths that somebody else is making.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            min_free: 5_000_000_000,
            verify_nar: false,
            verify_chunks: true,
            lanes: processors.clamp(2, MOST_LANES),
            patience: Duration::from_secs(600),
        }
    }
}
