//! What statements are given.

/// A bound value. A list is one value, whatever its length.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// A number, or null.
    Int(Option<i64>),
    /// Bytes, or null. Text from outside is kept as bytes: compared byte by byte, any byte allowed.
    Bytes(Option<&'a [u8]>),
    /// A list of numbers.
    Ints(&'a [i64]),
    /// A list of byte strings.
    Blobs(&'a [Vec<u8>]),
    /// A table; see [`Table`].
    Table(&'a str),
}

/// Rows of numbers and byte strings as one value, written as JSON with bytes in hexadecimal.
#[derive(Clone, Debug)]
pub(crate) struct Table(String);

impl Table {
    /// Of these rows. A list cannot be in a cell; it becomes null.
    pub(crate) fn of<'a, const N: usize>(rows: impl IntoIterator<Item = [Value<'a>; N]>) -> Self {
        let mut text = String::from("[");
        for (number, row) in rows.into_iter().enumerate() {
            text.push_str(if number == 0 { "[" } else { ",[" });
            for (column, cell) in row.into_iter().enumerate() {
                if column > 0 {
                    text.push(',');
                }
                match cell {
                    Value::Int(Some(value)) => text.push_str(&value.to_string()),
                    Value::Bytes(Some(value)) => {
                        text.push('"');
                        text.push_str(&hex::encode(value));
                        text.push('"');
                    }
                    _ => text.push_str("null"),
                }
            }
            text.push(']');
        }
        text.push(']');
        Self(text)
    }
}

impl<'a> From<&'a Table> for Value<'a> {
    fn from(value: &'a Table) -> Self {
        Self::Table(&value.0)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Bytes(Some(value.as_bytes()))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Bytes(Some(value.as_bytes()))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a> From<&'a Vec<i64>> for Value<'a> {
    fn from(value: &'a Vec<i64>) -> Self {
        Self::Ints(value)
    }
}

impl<'a> From<&'a Vec<Vec<u8>>> for Value<'a> {
    fn from(value: &'a Vec<Vec<u8>>) -> Self {
        Self::Blobs(value)
    }
}

/// The values of a statement in the order of its placeholders.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}
pub(crate) use args;

/// A count or length as SQL keeps it; what no disk could hold becomes the largest.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A span as the clock counts: milliseconds, at most a thousand years.
pub(crate) fn millis(span: std::time::Duration) -> i64 {
    const LONGEST: i64 = 1000 * 366 * 24 * 3600 * 1000;
    i64::try_from(span.as_millis()).map_or(LONGEST, |span| span.min(LONGEST))
}
