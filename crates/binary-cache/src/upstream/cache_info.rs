//! `nix-cache-info`: what a binary cache tells of itself.

use snowbank_nix::store_path::StoreDir;

/// What a binary cache tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CacheInfo {
    /// The store directory of its paths, if it says so; Nix takes it for its own otherwise.
    pub store_dir: Option<String>,
}

impl CacheInfo {
    /// Reads lines of `Key: value`, as tolerantly as Nix does: others are passed over, the last of a key counts.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let last =
            text.lines().rev().filter_map(|line| line.split_once(':')).find(|(key, _)| *key == "StoreDir");
        Self { store_dir: last.map(|(_, value)| value.trim().to_owned()) }
    }

    /// Whether its paths are those of a store in `dir`.
    #[must_use]
    pub fn is_for(&self, dir: &StoreDir) -> bool {
        self.store_dir.as_ref().is_none_or(|found| found == dir.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_store_directory_is_read() {
        let dir = StoreDir::default();
        for text in
            ["StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n", "", "noise\n", "StoreDir:/nix/store"]
        {
            assert!(CacheInfo::parse(text).is_for(&dir), "{text}");
        }
        for text in ["StoreDir: /gnu/store\n", "StoreDir: /nix/store/\n", "StoreDir:\n"] {
            assert!(!CacheInfo::parse(text).is_for(&dir), "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(StoreDir|x)?:?.{0,40}\n?.{0,40}") {
            let _ = CacheInfo::parse(&text).is_for(&StoreDir::default());
        }
    }
}
