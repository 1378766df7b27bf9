//! What files of a cache are called.

use std::fmt;

use snowbank_nix::hash::NarHash;

/// The name of a NAR: by what it unpacks to, so it is the same wherever it is served from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NarName(pub NarHash);

const SUFFIX: &str = ".nar.zst";

impl NarName {
    /// Where it is, from the cache's root on.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nar/{self}")
    }

    /// The name in the last part of a URL's path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hash(text.strip_suffix(SUFFIX)?).map(Self)
    }
}

/// A NAR's hash by its digits alone.
pub(crate) fn hash(digits: &str) -> Option<NarHash> {
    NarHash::parse(&format!("sha256:{digits}")).ok()
}

/// The digits of a NAR's hash.
pub(crate) fn digits(hash: &NarHash) -> String {
    hash.to_string().trim_start_matches("sha256:").to_owned()
}

impl fmt::Display for NarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SUFFIX}", digits(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nar_is_called_by_its_hash() {
        let name = NarName(NarHash::of(b"x"));
        assert_eq!(NarName::parse(&name.to_string()), Some(name));
        assert_eq!(name.url().len(), "nar/".len() + 52 + SUFFIX.len());
        let digits = name.to_string();
        for text in ["", ".nar.zst", "x.nar.zst", &digits[1..], &digits[..52], &format!("{digits}.xz")] {
            assert_eq!(NarName::parse(text), None, "{text}");
        }
    }
}
