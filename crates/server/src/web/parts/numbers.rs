//! Numbers for people.

/// A count of bytes, in decimal units: `3.8 GB`.
pub(in crate::web) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut scaled = count as f64;
    let mut unit = 0;
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    // The space does not break.
    if unit == 0 { format!("{count}\u{a0}B") } else { format!("{scaled:.1}\u{a0}{}", UNITS[unit]) }
}

/// A number in groups of three digits, with a narrow space that does not break between them.
pub(in crate::web) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// So many of something: `1 entry`, `2 entries`.
pub(in crate::web) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{}\u{a0}{}", count(number), if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_grouped() {
        assert_eq!(bytes(999), "999\u{a0}B");
        assert_eq!(bytes(999_999), "1.0\u{a0}MB");
        assert_eq!(bytes(u64::MAX), "18446.7\u{a0}PB");
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(123_456), "123\u{202f}456");
        assert_eq!(counted(1, "entry", "entries"), "1\u{a0}entry");
    }
}
