//! Whether entries were saved with the paths and the compression that are asked for.

use std::collections::BTreeSet;

use snowbank_actions::client::rest::CacheEntry;
use snowbank_actions::version::{Compression, version};

use super::{Finding, Level};

/// The versions that `actions/cache` may ask for with these paths: its name for the compression, and the version.
#[must_use]
pub fn versions(paths: &[String]) -> [(&'static str, String); 2] {
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    [("zstd", Compression::ZstdWithoutLong), ("gzip", Compression::Gzip)]
        .map(|(name, compression)| (name, version(&paths, Some(compression), false)))
}

/// What the entries whose keys begin with one of `keys` were saved with.
#[must_use]
pub fn of_entries(entries: &[CacheEntry], keys: &[String], paths: &[String]) -> Finding {
    let versions = versions(paths);
    let asked = versions.iter().map(|(name, version)| format!("{version} ({name})")).collect::<Vec<_>>();
    let asked = format!("actions/cache asks for {} with these paths", asked.join(" or "));
    let near: Vec<_> =
        entries.iter().filter(|entry| keys.iter().any(|key| entry.key.starts_with(key))).collect();
    let there: BTreeSet<&str> = near.iter().map(|entry| entry.version.as_str()).collect();
    let have = |name: &str| {
        versions.iter().any(|(known, version)| *known == name && there.contains(version.as_str()))
    };
    match (near.is_empty(), have("zstd"), have("gzip")) {
        (true, ..) => Finding::new(Level::Note, "version", "the version of these paths", asked),
        (_, true, false) => {
            Finding::new(Level::Ok, "version", "the entries have these paths, under zstd", asked)
        }
        (_, _, true) => Finding::new(
            Level::Note,
            "version-gzip",
            "entries with these paths are under gzip",
            format!("{asked}; the ones that are there were saved by a runner without zstd, and only such a one finds them"),
        )
        .hint("install zstd on all runners or on none"),
        _ => Finding::new(
            Level::Problem,
            "version-differs",
            "paths or compression differ from those of the entries",
            format!("{asked}; there are {}", there.into_iter().collect::<Vec<_>>().join(", ")),
        )
        .hint("`path:` must be written alike where it is saved and where it is restored, in the same order and to the letter"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn versions_of_entries_are_told_apart() {
        let paths = ["data".to_owned()];
        let [zstd, gzip] = versions(&paths).map(|(_, version)| version);
        let entry = |version: &str| CacheEntry {
            id: 1,
            scope: "refs/heads/main".into(),
            key: "k-1".into(),
            version: version.into(),
            size: 1,
            created: SystemTime::UNIX_EPOCH,
            accessed: SystemTime::UNIX_EPOCH,
        };
        let id = |there: &[&str], key: &str| {
            let entries: Vec<_> = there.iter().map(|version| entry(version)).collect();
            of_entries(&entries, &[key.to_owned()], &paths).id
        };
        assert_eq!(id(&[&zstd, "other"], "k-"), "version");
        assert_eq!(id(&[&zstd, &gzip], "k-"), "version-gzip");
        assert_eq!(id(&["other"], "k-"), "version-differs");
        assert_eq!(id(&["other"], "x"), "version");
    }
}
