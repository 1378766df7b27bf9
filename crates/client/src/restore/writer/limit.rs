//! How many files may be open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Where the system knows no bound.
const PLENTY: u64 = 1 << 20;

/// Says how many files `wanted` may be of those that the process may have open; asks for as many as it is allowed
/// to if there are too few. At most half of them all: the rest is for others.
pub(super) fn allow(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let half =
        |limit: Option<u64>| usize::try_from(limit.unwrap_or(PLENTY).min(PLENTY) / 2).unwrap_or(1).max(1);
    if wanted <= half(current) {
        return half(current);
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => half(maximum),
        Err(_) => half(current),
    }
}
