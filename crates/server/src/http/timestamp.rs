//! Times as GitHub writes them.

use std::time::{Duration, UNIX_EPOCH};

use snowbank_catalog::ids::Timestamp;

/// RFC 3339 in UTC with nine fractional digits, `2022-07-04T11:58:15.810000000Z`. A time before 1970 becomes 1970.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let since = Duration::from_millis(u64::try_from(time.0).unwrap_or(0));
    // The formatter knows the years up to 9999.
    let latest = Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_nanos(UNIX_EPOCH + since.min(latest)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_nine_digits() {
        assert_eq!(rfc3339(Timestamp(1_656_935_895_810)), "2022-07-04T11:58:15.810000000Z");
        assert_eq!(rfc3339(Timestamp(-5)), "1970-01-01T00:00:00.000000000Z");
        assert!(rfc3339(Timestamp(i64::MAX)).starts_with("9999-12-31"));
    }
}
