//! Patterns that name store paths.

use std::str::FromStr;

use globset::{Glob, GlobMatcher};
use snowbank_nix::store_path::StorePath;

/// Bytes of the longest pattern.
const MAX_LEN: usize = 1024;

/// A glob (`*`, `?`, `[...]`, `{a,b}`) that the whole of a store path's name matches, or the whole of its base name: hash part,
/// dash, and name.
#[derive(Clone, Debug)]
pub struct Pattern(GlobMatcher);

/// Text that is no pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// It is too long.
    #[error("a pattern for store paths has at most {MAX_LEN} bytes")]
    Long,
    /// It is no glob.
    #[error("no pattern for store paths: write * for any letters, ? for one, [ab] and {{a,b}} for either")]
    Glob(#[source] globset::Error),
}

impl Pattern {
    /// Whether it matches.
    #[must_use]
    pub fn matches(&self, path: &StorePath) -> bool {
        self.0.is_match(path.name()) || self.0.is_match(path.base_name())
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_LEN {
            return Err(PatternError::Long);
        }
        Glob::new(text).map(|glob| Self(glob.compile_matcher())).map_err(PatternError::Glob)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGITS: &str = "xv2iccirbrvklck36f1g7vldn5v58vck";

    #[test]
    fn a_pattern_is_for_the_whole_name_or_the_whole_base_name() {
        let path: StorePath = format!("{DIGITS}-python3.14-pillow-12.0").parse().unwrap();
        for (pattern, matches) in [
            ("python3.14-pillow-12.0", true),
            ("*pillow*", true),
            ("python3.1?-{numpy,pillow}-*", true),
            ("xv2icc*", true),
            ("python3[.]14-pillow-12[.]0", true),
            ("pillow", false),
            ("python3.14-pillow", false),
            (DIGITS, false),
            ("", false),
        ] {
            assert_eq!(pattern.parse::<Pattern>().unwrap().matches(&path), matches, "{pattern}");
        }
        assert!("[".parse::<Pattern>().is_err());
        assert!("a".repeat(MAX_LEN + 1).parse::<Pattern>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_a_pattern(text: String) {
            let path: StorePath = format!("{DIGITS}-a").parse().unwrap();
            if let Ok(pattern) = text.parse::<Pattern>() {
                let _ = pattern.matches(&path);
            }
        }
    }
}
