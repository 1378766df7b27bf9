//! Sizes and times in words.

use std::time::{Duration, SystemTime};

const DAY: u64 = 24 * 3600;

/// A count of bytes: `3.8 GB`.
pub(super) fn bytes(count: u64) -> String {
    let count = count as f64;
    match count {
        _ if count >= 999.5e6 => format!("{:.1} GB", count / 1e9),
        _ if count >= 99.5e3 => format!("{:.1} MB", count / 1e6),
        _ => format!("{:.1} kB", count / 1e3),
    }
}

/// How long something is past: `3 hours ago`.
pub(super) fn ago(moment: SystemTime, now: SystemTime) -> String {
    format!("{} ago", span(now.duration_since(moment).unwrap_or_default()))
}

/// A span in its largest unit.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / DAY, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_unit_is_taken() {
        let said = [1, 119, 120, 7200, 3 * DAY].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(said, ["1 second", "119 seconds", "2 minutes", "2 hours", "3 days"]);
        assert_eq!([bytes(100), bytes(2_500_000), bytes(10_000_000_000)], ["0.1 kB", "2.5 MB", "10.0 GB"]);
    }
}
