//! Byte ranges: what a download asks for, and which part of an archive a chunk of the older protocol is.

/// A range of bytes as a request names it (`Range` or `x-ms-range`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `bytes=FIRST-LAST`, both ends included.
    Between(u64, u64),
    /// `bytes=FIRST-`: from there to the end.
    From(u64),
    /// `bytes=-COUNT`: the last bytes.
    Last(u64),
}

/// What a request gets of a body of known size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// These bytes, at least one: 206.
    Bytes {
        /// The first byte.
        start: u64,
        /// The byte after the last.
        end: u64,
    },
    /// Nothing, because no byte of the range exists: 416.
    Unsatisfiable,
}

impl Asked {
    /// Reads a header's value. `None` means that the whole body is the answer: RFC 9110 wants a header that is
    /// malformed or of another unit to be ignored, and lets a server ignore one that names several ranges.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (unit, range) = value.split_once('=')?;
        if !unit.trim_ascii().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = range.trim_ascii().split_once('-')?;
        match (first.trim_ascii_end(), last.trim_ascii_start()) {
            ("", last) => Some(Self::Last(number(last)?)),
            (first, "") => Some(Self::From(number(first)?)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::Between(first, last))
            }
        }
    }

    /// What it comes to in a body of `size` bytes.
    #[must_use]
    pub fn of(self, size: u64) -> Part {
        let (start, end) = match self {
            Self::Between(first, last) => (first, last.saturating_add(1).min(size)),
            Self::From(first) => (first, size),
            Self::Last(count) => (size.saturating_sub(count), size),
        };
        if start < end { Part::Bytes { start, end } } else { Part::Unsatisfiable }
    }
}

/// The place of a chunk of the older protocol: `Content-Range: bytes FIRST-LAST/*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
}

/// A `Content-Range` that does not place a chunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content range is not of the form `bytes FIRST-LAST/*`")]
pub struct PlacedError;

impl Placed {
    /// Reads the header's value; a total instead of the `*` must hold the range.
    pub fn parse(value: &str) -> Result<Self, PlacedError> {
        Self::read(value).ok_or(PlacedError)
    }

    fn read(value: &str) -> Option<Self> {
        let (unit, rest) = value.trim_ascii().split_once(' ')?;
        let (range, total) = rest.trim_ascii().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (exact(first)?, exact(last)?);
        let held = total == "*" || exact(total)? > last;
        let end = last.checked_add(1)?;
        (unit.eq_ignore_ascii_case("bytes") && first <= last && held).then_some(Self { start: first, end })
    }

    /// Bytes of the chunk, at least one.
    #[must_use]
    pub fn size(self) -> u64 {
        self.end - self.start
    }
}

/// Digits only, without a sign; a number beyond all bodies is the largest there is.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Digits only, without a sign, in the range of the type.
fn exact(text: &str) -> Option<u64> {
    number(text).filter(|_| text.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_of_a_range() {
        assert_eq!(Asked::parse("bytes=0-0"), Some(Asked::Between(0, 0)));
        assert_eq!(Asked::parse("bytes=4194304-8388607"), Some(Asked::Between(4_194_304, 8_388_607)));
        assert_eq!(Asked::parse("bytes=7-"), Some(Asked::From(7)));
        assert_eq!(Asked::parse("Bytes = -5"), Some(Asked::Last(5)));
        assert_eq!(Asked::parse("bytes=1-99999999999999999999999"), Some(Asked::Between(1, u64::MAX)));
    }

    #[test]
    fn what_cannot_be_understood_is_the_whole_body() {
        for value in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,5-6", "items=0-1"]
        {
            assert_eq!(Asked::parse(value), None, "{value}");
        }
        assert_eq!(Asked::parse("bytes=+1-2"), None);
        assert_eq!(Asked::parse("bytes=--5"), None);
    }

    #[test]
    fn ranges_are_cut_to_the_body() {
        let bytes = |start, end| Part::Bytes { start, end };
        assert_eq!(Asked::Between(0, 0).of(10), bytes(0, 1));
        assert_eq!(Asked::Between(8, 100).of(10), bytes(8, 10));
        assert_eq!(Asked::Between(0, u64::MAX).of(10), bytes(0, 10));
        assert_eq!(Asked::From(3).of(10), bytes(3, 10));
        assert_eq!(Asked::Last(4).of(10), bytes(6, 10));
        assert_eq!(Asked::Last(40).of(10), bytes(0, 10));
    }

    #[test]
    fn ranges_without_a_byte_are_unsatisfiable() {
        for (asked, size) in [
            (Asked::Between(10, 20), 10),
            (Asked::From(10), 10),
            (Asked::Last(0), 10),
            (Asked::From(0), 0),
            (Asked::Last(5), 0),
        ] {
            assert_eq!(asked.of(size), Part::Unsatisfiable, "{asked:?} of {size}");
        }
    }

    #[test]
    fn chunks_are_placed() {
        let placed = Placed::parse("bytes 33554432-67108863/*").unwrap();
        assert_eq!((placed.start, placed.end, placed.size()), (33_554_432, 67_108_864, 33_554_432));
        assert_eq!(Placed::parse("bytes 0-9/10"), Ok(Placed { start: 0, end: 10 }));
    }

    #[test]
    fn bad_places_are_refused() {
        for value in [
            "",
            "bytes",
            "bytes 0-9",
            "bytes */10",
            "bytes 9-0/*",
            "bytes 0-9/9",
            "bytes -9/*",
            "bytes 0-/*",
            "items 0-9/*",
            "bytes=0-9/*",
            "bytes 0-18446744073709551615/*",
            "bytes 0-99999999999999999999/*",
        ] {
            assert_eq!(Placed::parse(value), Err(PlacedError), "{value}");
        }
    }
}
