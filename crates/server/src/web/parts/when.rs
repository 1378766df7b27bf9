//! Times for people.

use std::time::Duration;

use maud::{Markup, html};
use snowbank_catalog::ids::Timestamp;

use crate::http::timestamp::rfc3339;

/// The largest first, in seconds.
const UNITS: [(u64, &str); 5] =
    [(365 * 86_400, "year"), (7 * 86_400, "week"), (86_400, "day"), (3600, "hour"), (60, "minute")];

/// A time, told by how far from `now` it is; the exact one is there for whoever points at it, and for machines.
pub(in crate::web) fn when(time: Timestamp, now: Timestamp) -> Markup {
    let words = if time > now { ahead(time, now) } else { ago(time, now) };
    // Of nine digits of a second none is for people.
    let exact = rfc3339(time).get(..19).map(|text| format!("{text}Z")).unwrap_or_default();
    html! { time datetime=(exact) title=(exact.replace('T', " ").replace('Z', " UTC")) { (words) } }
}

/// How long ago: `3 hours ago`.
fn ago(time: Timestamp, now: Timestamp) -> String {
    match between(time, now) {
        seconds if seconds < 60 => "just now".to_owned(),
        seconds => format!("{} ago", rounded(seconds)),
    }
}

/// How far ahead: `in 3 hours`.
pub(in crate::web) fn ahead(time: Timestamp, now: Timestamp) -> String {
    match between(now, time) {
        seconds if seconds < 60 => "now".to_owned(),
        seconds => format!("in {}", rounded(seconds)),
    }
}

/// A span of time as it was set: `7 days`.
pub(in crate::web) fn span(span: Duration) -> String {
    let (number, unit) = in_units(span);
    many(number, unit)
}

/// How long something took: `350 ms`, `2.4 s`, `3 min 20 s`.
pub(in crate::web) fn took(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis}\u{a0}ms"),
        1000..60_000 => format!("{}.{}\u{a0}s", millis / 1000, millis % 1000 / 100),
        _ => format!("{}\u{a0}min {}\u{a0}s", millis / 60_000, millis % 60_000 / 1000),
    }
}

/// A day in UTC: `2026-05-01`.
pub(in crate::web) fn day(time: Timestamp) -> String {
    rfc3339(time).chars().take(10).collect()
}

/// How often: `every hour`, `every 90 seconds`.
pub(in crate::web) fn every(span: Duration) -> String {
    match in_units(span) {
        (1, unit) => format!("every {unit}"),
        (number, unit) => format!("every {}", many(number, unit)),
    }
}

fn in_units(span: Duration) -> (u64, &'static str) {
    let seconds = span.as_secs();
    let unit = UNITS.iter().filter(|(_, unit)| *unit != "week").find(|(size, _)| {
        // 48 hours are 2 days, and 36 hours are no number of days.
        seconds >= *size && seconds.is_multiple_of(*size)
    });
    unit.map_or((seconds, "second"), |(size, unit)| (seconds / size, unit))
}

fn between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.0.saturating_sub(earlier.0) / 1000).unwrap_or(0)
}

/// In the largest unit of which there are two at least, or the smallest.
fn rounded(seconds: u64) -> String {
    let unit = UNITS.iter().find(|(size, _)| seconds >= 2 * size);
    let (size, unit) = unit.copied().unwrap_or((60, "minute"));
    many(seconds / size, unit)
}

fn many(number: u64, unit: &str) -> String {
    format!("{number}\u{a0}{unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seconds: i64) -> String {
        let now = Timestamp(1_700_000_000_000);
        let time = Timestamp(now.0 - seconds * 1000);
        if seconds < 0 { ahead(time, now) } else { ago(time, now) }.replace('\u{a0}', " ")
    }

    #[test]
    fn times_are_told_by_how_far_they_are() {
        assert_eq!(told(0), "just now");
        assert_eq!(told(61), "1 minute ago");
        assert_eq!(told(7199), "119 minutes ago");
        assert_eq!(told(7200), "2 hours ago");
        assert_eq!(told(86_400 * 13), "13 days ago");
        assert_eq!(told(86_400 * 14), "2 weeks ago");
        assert_eq!(told(-30), "now");
        assert_eq!(told(-86_400 * 6), "in 6 days");
        assert_eq!(ago(Timestamp(i64::MAX), Timestamp(i64::MIN)), "just now");
    }

    #[test]
    fn what_something_took_is_short() {
        assert_eq!(took(999), "999\u{a0}ms");
        assert_eq!(took(2_460), "2.4\u{a0}s");
        assert_eq!(took(200_500), "3\u{a0}min 20\u{a0}s");
        assert_eq!(day(Timestamp(1_656_935_895_810)), "2022-07-04");
    }

    #[test]
    fn spans_are_told_as_they_were_set() {
        let told = |seconds| span(Duration::from_secs(seconds)).replace('\u{a0}', " ");
        assert_eq!(told(7 * 86_400), "7 days");
        assert_eq!(told(36 * 3600), "36 hours");
        assert_eq!(told(90), "90 seconds");
        assert_eq!(every(Duration::from_secs(3600)), "every hour");
        assert_eq!(every(Duration::from_secs(7200)), "every 2\u{a0}hours");
    }
}
