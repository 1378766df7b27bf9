//! Patterns of names: `*` is any run of characters, of none too; every other character is itself.

/// Whether the pattern is the whole of `text`. It takes at most the product of both lengths.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // The last star, and how far the text was when it last took one byte more.
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => {
                star = Some((at, seen));
                at += 1;
            }
            (Some(byte), _) if *byte == text[seen] => {
                at += 1;
                seen += 1;
            }
            (_, Some((place, taken))) => {
                star = Some((place, taken + 1));
                at = place + 1;
                seen = taken + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "acme/app"),
            ("acme/*", "acme/app"),
            ("acme/*", "acme/"),
            ("refs/heads/release-*.x", "refs/heads/release-1.x.x"),
            ("*-*-*", "a-b-c-d"),
            ("a**b", "ab"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn everything_else_is_itself() {
        for (pattern, text) in [
            ("", "a"),
            ("acme/*", "acme"),
            ("acme/*", "acme2/app"),
            ("acme/app", "Acme/app"),
            ("a?c", "abc"),
            ("a.c", "abc"),
            ("*b", "bc"),
            ("[ab]", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    /// The same by its definition.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|taken| by_definition(rest, &text[taken..])),
            Some((byte, rest)) => {
                text.split_first().is_some_and(|(first, text)| first == byte && by_definition(rest, text))
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_what_its_definition_says(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(matches(&pattern, &text), by_definition(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
