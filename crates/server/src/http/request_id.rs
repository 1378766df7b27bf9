//! A name for each request, in its answer and in its log line.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sixteen hexadecimal digits. Those of one process count up from a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestId(u64);

static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
    let mut start = [0; 8];
    // Without random bytes ids count from 0, which is still one for each request.
    let _ = getrandom::fill(&mut start);
    AtomicU64::new(u64::from_le_bytes(start))
});

impl RequestId {
    /// The next one.
    pub(super) fn next() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
