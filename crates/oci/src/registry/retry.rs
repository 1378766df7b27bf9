//! When something is tried again, and how long is waited for it.

use std::time::{Duration, SystemTime};

/// The longest wait that a registry may ask for; beyond it, it is as good as down.
const MAX_ASKED: Duration = Duration::from_secs(120);

/// How hard a registry is tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// For a connection to come about.
    pub connect: Duration,
    /// How long nothing may move: no byte of a request taken, no answer to it, no byte of an answer.
    pub idle: Duration,
    /// How long a registry may take to close an upload: it may hash or copy the blob.
    pub commit: Duration,
    /// How often one thing is tried without getting further.
    pub tries: u32,
    /// The wait before the second try; it doubles from there.
    pub first_wait: Duration,
    /// The longest wait between tries that the registry did not ask for.
    pub longest_wait: Duration,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            commit: Duration::from_secs(600),
            tries: 6,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(20),
        }
    }
}

impl Effort {
    /// How long to wait after the `failed`-th failure in a row, where the registry asked for `asked`.
    pub(super) fn wait(&self, failed: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << failed.saturating_sub(1).min(16));
        let usual = jittered(doubled.min(self.longest_wait));
        // What is asked for is often far too short when many ask, so the usual wait comes on top of it.
        asked.unwrap_or_default().min(MAX_ASKED) + usual
    }
}

/// Between half and the whole, so that clients that failed together do not come back together.
fn jittered(time: Duration) -> Duration {
    let mut byte = [128];
    // Without randomness the middle does.
    let _ = getrandom::fill(&mut byte);
    time / 2 + time / 2 * u32::from(byte[0]) / 255
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    Some(httpdate::parse_http_date(header).ok()?.duration_since(now).unwrap_or_default())
}

/// GHCR says it in the error's text: `retry-after: 10.3ms, allowed: 2000/minute`.
pub(super) fn retry_after_in_text(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once("retry-after:")?;
    let end = rest.find(',').unwrap_or(rest.len());
    go_duration(rest[..end].trim())
}

/// A duration as Go prints it: `1m30.5s`, `10.3ms`.
pub fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        seconds += number
            * match &rest[..end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" | "μs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[end..];
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn go_s_durations_are_read() {
        for (text, wanted) in [
            ("10.3ms", Some(Duration::from_micros(10_300))),
            ("1m30.5s", Some(Duration::from_millis(90_500))),
            ("250µs", Some(Duration::from_micros(250))),
            ("1h", Some(Duration::from_secs(3600))),
            ("", None),
            ("5", None),
            ("s", None),
            ("1.2.3s", None),
            ("-1s", None),
        ] {
            assert_eq!(go_duration(text), wanted, "{text}");
        }
        let text = "retry-after: 10.3ms, allowed: 2000/minute";
        assert_eq!(retry_after_in_text(text), Some(Duration::from_micros(10_300)));
    }

    #[test]
    fn both_forms_of_the_header_are_read() {
        let now = httpdate::parse_http_date("Thu, 01 Jan 2026 00:00:00 GMT").unwrap();
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Thu, 01 Jan 2026 00:00:09 GMT", now), Some(Duration::from_secs(9)));
        assert_eq!(retry_after("Wed, 01 Jan 2025 00:00:09 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn waits_grow_up_to_a_bound() {
        let effort = Effort::default();
        assert!(effort.wait(1, None) <= effort.first_wait);
        assert!(effort.wait(40, None) <= effort.longest_wait);
        assert!(effort.wait(40, None) >= effort.longest_wait / 2);
        assert!(effort.wait(1, Some(Duration::from_secs(1 << 40))) <= MAX_ASKED + effort.first_wait);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), number in "[0-9.]{0,400}(h|ms)") {
            let _ = (go_duration(&text), go_duration(&number), retry_after_in_text(&text));
        }
    }
}
