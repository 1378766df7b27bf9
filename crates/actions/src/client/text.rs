//! Showing text that came from a server.

/// Characters of foreign text that are shown at the most.
const MOST: usize = 300;

/// Foreign text, cut, with no control characters and none of `secrets`.
pub(super) fn shown(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(*secret, "***");
    }
    let mut clean = String::new();
    for (count, word) in text.split(|c: char| c.is_whitespace() || c.is_control()).enumerate() {
        if count > 0 && !word.is_empty() && !clean.is_empty() {
            clean.push(' ');
        }
        // Characters that turn the direction of writing could make a message say something else.
        clean
            .extend(word.chars().filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')));
    }
    match clean.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// The same behind a colon, or nothing.
pub(super) fn because(text: &str, secrets: &[&str]) -> String {
    let text = shown(text, secrets);
    if text.is_empty() { text } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_cut_and_harmless() {
        assert_eq!(shown("a\x1b[31m\r\n b s3cret", &["s3cret", ""]), "a [31m b ***");
        assert_eq!(shown(&"é".repeat(1000), &[]).chars().count(), 301);
        assert_eq!(because(" \n", &[]), "");
    }
}
