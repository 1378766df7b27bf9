//! The words of a netrc file.

use std::ops::Range;

/// Where they are: all but those of comments (whole lines) and macros (`macdef` to the next empty line).
pub(crate) fn words(text: &[u8]) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut at, mut macro_body) = (0, false);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let start = at;
        at += line.len();
        let trimmed = line.trim_ascii();
        if macro_body {
            macro_body = !trimmed.is_empty();
            continue;
        }
        if trimmed.starts_with(b"#") {
            continue;
        }
        let mut word = start;
        for part in line.split(u8::is_ascii_whitespace) {
            let span = word..word + part.len();
            word = span.end + 1;
            if part == b"macdef" {
                macro_body = true;
                break;
            }
            if !part.is_empty() {
                words.push(span);
            }
        }
    }
    words
}
