//! Patterns of names: `*` for any characters, `?` for one.

use snowbank_nix::store_path::StorePath;

use super::SelectError;

/// Bytes of the longest pattern: longer than any name.
const MAX_LEN: usize = 256;

/// A pattern that a path's name, or its base name, may match.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<u8>);

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, SelectError> {
        if text.is_empty() || text.len() > MAX_LEN {
            return Err(SelectError::Pattern(text.chars().take(MAX_LEN).collect()));
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    pub(super) fn matches(&self, path: &StorePath) -> bool {
        [path.name(), path.base_name()].iter().any(|name| matches(&self.0, name.as_bytes()))
    }
}

/// In steps of at most both lengths multiplied: only the last star is ever gone back to.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while of < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[of] => (at, of) = (at + 1, of + 1),
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, of) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("cuda*", "cuda-12.4", true),
            ("cuda*", "python-cuda", false),
            ("*cuda*", "python-cuda-x", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbx", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_name_or_the_whole_base_name_may_match() {
        let path = "xv2iccirbrvklck36f1g7vldn5v58vck-hello-2.12".parse().unwrap();
        for (pattern, expected) in [("hello-*", true), ("xv2*", true), ("hello", false)] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(&path), expected, "{pattern}");
        }
        assert!(Pattern::new("").is_err() && Pattern::new(&"x".repeat(257)).is_err());
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_and_its_parts_between_stars(name in "[a-z.]{1,20}", at: prop::sample::Index) {
            let (head, tail) = name.split_at(at.index(name.len()));
            prop_assert!(matches(name.as_bytes(), name.as_bytes()));
            for pattern in [format!("{head}*{tail}"), format!("*{tail}"), format!("{head}*")] {
                prop_assert!(matches(pattern.as_bytes(), name.as_bytes()));
            }
        }
    }
}
