//! Points in time, as images have them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize};

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;
const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd";

/// A point in time as RFC 3339 has it, kept as text in the form in which Go's `time.Time` is written: no zeros at the end of
/// a fraction of at most nine digits, and `Z` for no offset.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Timestamp(String);

/// Text that is no point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a point in time is written as 1970-01-01T00:00:01Z")]
pub struct TimestampError;

impl Timestamp {
    /// Seconds since 1970 began, as `SOURCE_DATE_EPOCH` has them; none after the year 9999.
    #[must_use]
    pub fn of_epoch(seconds: u64) -> Option<Self> {
        let time = (seconds <= LAST).then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))?;
        Some(Self(humantime::format_rfc3339_seconds(time).to_string()))
    }

    /// The time that all files in a Nix store have: what an image made of store paths says of itself.
    #[must_use]
    pub fn of_store() -> Self {
        Self("1970-01-01T00:00:01Z".to_owned())
    }

    /// The same in whole seconds and UTC, as some formats have it and nothing else; none for a time with an offset that is not
    /// between the years 1970 and 9999.
    #[must_use]
    pub fn whole_seconds(&self) -> Option<Self> {
        let (time, rest) = self.0.split_at_checked(FORM.len())?;
        let zone = rest.trim_start_matches(|digit: char| digit == '.' || digit.is_ascii_digit());
        if zone == "Z" {
            return Some(Self(format!("{time}Z")));
        }
        let local = humantime::parse_rfc3339(&format!("{time}Z")).ok()?;
        let local = local.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let (hours, minutes) = zone.get(1..)?.split_once(':')?;
        let offset = hours.parse::<u64>().ok()? * 3600 + minutes.parse::<u64>().ok()? * 60;
        let east = zone.starts_with('+');
        Self::of_epoch(if east { local.checked_sub(offset)? } else { local.checked_add(offset)? })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        normal(text).map(Self).ok_or(TimestampError)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

fn normal(text: &str) -> Option<String> {
    let (time, rest) = text.split_at_checked(FORM.len())?;
    if !like(time, FORM) {
        return None;
    }
    let number = |from: usize, to: usize| time.get(from..to)?.parse::<u32>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let good = (1..=12).contains(&month)
        && (1..=days(year, month)).contains(&day)
        && number(11, 13)? < 24
        && number(14, 16)? < 60
        && number(17, 19)? < 60;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            rest.split_at_checked(digits).filter(|(fraction, _)| !fraction.is_empty())?
        }
        None => ("", rest),
    };
    let fraction = fraction.get(..9).unwrap_or(fraction).trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    good.then_some(format!("{time}{point}{fraction}{}", offset(zone)?))
}

fn offset(zone: &str) -> Option<&str> {
    if zone == "Z" {
        return Some("Z");
    }
    let digits = zone.strip_prefix(['+', '-']).filter(|digits| like(digits, b"dd:dd"))?;
    let (hours, minutes) = digits.split_once(':')?;
    if hours.parse::<u32>().ok()? > 23 || minutes.parse::<u32>().ok()? > 59 {
        return None;
    }
    Some(if digits == "00:00" { "Z" } else { zone })
}

fn like(text: &str, form: &[u8]) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form)
            .all(|(byte, form)| if *form == b'd' { byte.is_ascii_digit() } else { byte == *form })
}

const fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_comes_out_as_go_writes_it() {
        for (text, normal) in [
            ("1970-01-01T00:00:01Z", "1970-01-01T00:00:01Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("2024-02-29T23:59:59.120+00:00", "2024-02-29T23:59:59.12Z"),
            ("2024-02-29T23:59:59.000Z", "2024-02-29T23:59:59Z"),
            ("2024-12-31T23:59:59.1234567891-08:30", "2024-12-31T23:59:59.123456789-08:30"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().as_str(), normal);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:01",
            "1970-01-01 00:00:01Z",
            "1970-01-01T00:00:01z",
            "1970-01-01T00:00:01.Z",
            "1970-01-01T00:00:01ZZ",
            "1970-13-01T00:00:01Z",
            "1970-00-01T00:00:01Z",
            "1970-04-31T00:00:01Z",
            "2023-02-29T00:00:01Z",
            "1900-02-29T00:00:01Z",
            "1970-01-01T24:00:01Z",
            "1970-01-01T00:60:01Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:01+24:00",
            "1970-01-01T00:00:01+1:00",
            "+970-01-01T00:00:01Z",
            "197é-01-01T00:00:01Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn seconds_of_the_epoch_are_read() {
        assert_eq!(Timestamp::of_epoch(1), Some(Timestamp::of_store()));
        assert_eq!(Timestamp::of_epoch(1_700_000_000).unwrap().as_str(), "2023-11-14T22:13:20Z");
        assert_eq!(Timestamp::of_epoch(LAST).unwrap().as_str(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp::of_epoch(LAST + 1), None);
    }

    #[test]
    fn whole_seconds_of_utc_are_the_same_point_in_time() {
        for (text, whole) in [
            ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
            ("2024-02-29T23:59:59.12Z", Some("2024-02-29T23:59:59Z")),
            ("2024-12-31T23:59:59.5-08:30", Some("2025-01-01T08:29:59Z")),
            ("2024-03-01T00:30:00+01:00", Some("2024-02-29T23:30:00Z")),
            ("1970-01-01T00:30:00+01:00", None),
            ("9999-12-31T23:59:59-00:01", None),
        ] {
            let got = text.parse::<Timestamp>().unwrap().whole_seconds();
            assert_eq!(got.as_ref().map(Timestamp::as_str), whole, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_stays_as_it_is(text in "(\\PC{0,40}|[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{0,12})?(Z|[+-][0-2][0-9]:[0-6][0-9]))") {
            if let Ok(time) = text.parse::<Timestamp>() {
                prop_assert_eq!(time.as_str().parse(), Ok(time.clone()));
            }
        }

        #[test]
        fn every_second_is_one(seconds in 0..=LAST) {
            let time = Timestamp::of_epoch(seconds).unwrap();
            prop_assert_eq!(time.as_str().parse(), Ok(time.clone()));
        }
    }
}
