//! Preconditions of a download. Source: RFC 9110, section 13. A representation never changes, so its tag decides
//! everything; dates are passed over.

use axum::http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderName, Method};
use snowbank_actions::ranges::{Asked, Part};

const MS_RANGE: &str = "x-ms-range";

/// What a request gets of a representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All of it: 200.
    Whole,
    /// These bytes: 206.
    Part {
        /// The first byte.
        start: u64,
        /// The byte after the last.
        end: u64,
    },
    /// Nothing, for the client has it: 304.
    NotModified,
    /// Nothing, for it is not what the client means: 412.
    Mismatch,
    /// Nothing, for there is no such range: 416.
    Unsatisfiable,
}

/// Weighs a request against a representation of `size` bytes under `etag`, which is strong and quoted.
pub(super) fn weigh(method: &Method, headers: &HeaderMap, etag: &str, size: u64) -> Verdict {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(IF_MATCH).is_some_and(|tags| !names(tags, etag)) {
        return Verdict::Mismatch;
    }
    if text(IF_NONE_MATCH).is_some_and(|tags| names(tags, etag)) {
        return Verdict::NotModified;
    }
    if *method != Method::GET || text(IF_RANGE).is_some_and(|tag| tag.trim_ascii() != etag) {
        return Verdict::Whole;
    }
    // Azure's own header goes before the general one.
    let range = text(HeaderName::from_static(MS_RANGE)).or_else(|| text(RANGE)).and_then(Asked::parse);
    match range.map(|asked| asked.of(size)) {
        None => Verdict::Whole,
        Some(Part::Bytes { start, end }) => Verdict::Part { start, end },
        Some(Part::Unsatisfiable) => Verdict::Unsatisfiable,
    }
}

/// Whether a list of tags names this one. A client that lost the quotes or made the tag weak means it all the same.
fn names(tags: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim_ascii().trim_start_matches("W/").trim_matches('"').to_owned();
    tags.split(',').any(|tag| tag.trim_ascii() == "*" || bare(tag) == bare(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"abc\"";

    fn get(headers: &[(&'static str, &'static str)]) -> Verdict {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        weigh(&Method::GET, &headers, TAG, 10)
    }

    #[test]
    fn ranges_come_in_two_headers() {
        assert_eq!(get(&[]), Verdict::Whole);
        assert_eq!(get(&[("range", "bytes=0-0")]), Verdict::Part { start: 0, end: 1 });
        assert_eq!(get(&[("x-ms-range", "bytes=2-")]), Verdict::Part { start: 2, end: 10 });
        assert_eq!(
            get(&[("x-ms-range", "bytes=2-"), ("range", "bytes=0-0")]),
            Verdict::Part { start: 2, end: 10 }
        );
        assert_eq!(get(&[("range", "bytes=10-")]), Verdict::Unsatisfiable);
        assert_eq!(get(&[("range", "lines=1-2")]), Verdict::Whole);
    }

    #[test]
    fn tags_decide() {
        assert_eq!(get(&[("if-match", TAG), ("range", "bytes=-1")]), Verdict::Part { start: 9, end: 10 });
        assert_eq!(get(&[("if-match", "\"x\", abc")]), Verdict::Whole);
        assert_eq!(get(&[("if-match", "*")]), Verdict::Whole);
        assert_eq!(get(&[("if-match", "\"x\"")]), Verdict::Mismatch);
        assert_eq!(get(&[("if-none-match", "W/\"abc\"")]), Verdict::NotModified);
        assert_eq!(get(&[("if-none-match", "\"x\"")]), Verdict::Whole);
    }

    #[test]
    fn a_range_of_another_representation_is_the_whole_of_this() {
        assert_eq!(get(&[("if-range", TAG), ("range", "bytes=0-4")]), Verdict::Part { start: 0, end: 5 });
        assert_eq!(get(&[("if-range", "\"x\""), ("range", "bytes=0-4")]), Verdict::Whole);
        assert_eq!(
            get(&[("if-range", "Wed, 21 Oct 2015 07:28:00 GMT"), ("range", "bytes=0-4")]),
            Verdict::Whole
        );
    }

    #[test]
    fn head_has_no_ranges() {
        let headers = HeaderMap::from_iter([(RANGE, "bytes=0-0".parse().unwrap())]);
        assert_eq!(weigh(&Method::HEAD, &headers, TAG, 10), Verdict::Whole);
    }
}
