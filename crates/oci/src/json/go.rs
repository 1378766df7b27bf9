//! JSON as Go's `encoding/json` writes it, so that equal facts have equal digests.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// Writes a value as Go's `json.Marshal` does: compact, and with `<`, `>`, `&` and two line separators of Unicode escaped
/// in strings. The order of fields is that of the value's type.
///
/// # Errors
/// When the value cannot be written: a map whose keys are no strings.
pub(crate) fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, Html))?;
    Ok(out)
}

/// Escapes what Go escapes beyond what JSON demands.
struct Html;

impl Formatter for Html {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            let mut others = rest[at..].chars();
            if let Some(found) = others.next() {
                write!(writer, "\\u{:04x}", u32::from(found))?;
            }
            rest = others.as_str();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        let written = to_vec("a<b>&\"\\\n\t\u{1}\u{7f}\u{2028}\u{2029}é/").unwrap();
        let expected = r#""a\u003cb\u003e\u0026\"\\\n\t\u0001"#.to_owned() + "\u{7f}" + r#"\u2028\u2029é/""#;
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
