//! How fast the way to the service is, and what that makes of a restore.

use std::time::Duration;

use super::text::{bytes, span};
use super::{Finding, Level};

/// From which round trip on each lookup and range is felt.
const FAR: Duration = Duration::from_millis(150);

/// How long a restore may take before somebody asks why.
const LONG: Duration = Duration::from_secs(120);

/// From which size on an archive is long under way on any line.
const LARGE: u64 = 2_000_000_000;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Of the quickest question and answer.
    pub round_trip: Duration,
    /// Bytes a second that came down, where something was there to fetch.
    pub rate: Option<f64>,
    /// Bytes that the next restore fetches at the most, where that is known.
    pub size: Option<u64>,
}

/// What is to be said of it.
#[must_use]
pub fn line(line: &Line) -> Finding {
    let rate = line.rate.filter(|rate| *rate > 0.0);
    let takes = line.size.zip(rate).map(|(size, rate)| Duration::from_secs((size as f64 / rate) as u64));
    let mut seen = format!("a question and its answer take {} ms", line.round_trip.as_millis());
    if let Some(rate) = rate {
        seen += &format!(", and {}/s come down", bytes(rate as u64));
    }
    if let Some(size) = line.size {
        seen += &format!("; a restore fetches up to {}", bytes(size));
    }
    if let Some(takes) = takes {
        seen += &format!(", which take {}", span(takes));
    }
    let slow = takes.is_some_and(|takes| takes >= LONG);
    if slow || line.size.is_some_and(|size| size >= LARGE) {
        return Finding::new(Level::Warning, "restore-slow", "a restore is slow", seen)
            .hint("`snowbank restore --lazy` fetches what a build asks for and nothing else")
            .hint("a store saved by `snowbank save` leaves out what cache.nixos.org has; --max-size and --exclude leave out more")
            .hint("a Snowbank server beside the runners, or a binary cache on it (`snowbank push`, `snowbank use`), has a shorter way");
    }
    if line.round_trip >= FAR {
        return Finding::new(Level::Warning, "line-far", "the service is far away", seen)
            .hint("a server nearer to the runners answers sooner; does a proxy or a VPN lie in between?");
    }
    Finding::new(Level::Ok, "line", "the service is near", seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_and_rate_make_the_time() {
        let near = Line { round_trip: Duration::from_millis(3), rate: Some(20e6), size: Some(100_000_000) };
        assert_eq!(line(&near).level, Level::Ok);
        let large = Line { size: Some(9_000_000_000), ..near };
        assert!(line(&large).id == "restore-slow" && line(&large).seen.contains("which take 7 minutes"));
        assert_eq!(line(&Line { rate: Some(0.5e6), ..near }).id, "restore-slow");
        assert_eq!(line(&Line { round_trip: FAR, ..near }).id, "line-far");
    }
}
