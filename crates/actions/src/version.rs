//! The version that `@actions/cache` derives from what is saved, so that archives of other paths or another
//! compression are never taken for each other.

use sha2::{Digest, Sha256};

/// How an archive is compressed, as far as its version tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// The client found no zstd.
    Gzip,
    /// What the client uses wherever it finds zstd.
    ZstdWithoutLong,
    /// What older clients used.
    Zstd,
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::ZstdWithoutLong => "zstd-without-long",
            Self::Zstd => "zstd",
        }
    }
}

const WINDOWS_ONLY: &str = "windows-only";
/// Changed by the client's authors when the layout of archives changes.
const SALT: &str = "1.0";

/// The version of an archive of `paths`, which are the patterns exactly as the workflow wrote them, in its order.
/// `windows_only` holds on Windows unless archives are shared between systems.
#[must_use]
pub fn version(paths: &[&str], compression: Option<Compression>, windows_only: bool) -> String {
    let parts = paths
        .iter()
        .copied()
        .chain(compression.map(Compression::name))
        .chain(windows_only.then_some(WINDOWS_ONLY))
        .chain([SALT]);
    hex::encode(Sha256::digest(parts.collect::<Vec<_>>().join("|")))
}

#[cfg(test)]
mod tests {
    use super::Compression::{Gzip, ZstdWithoutLong};
    use super::*;

    /// Made by the real client's function.
    #[test]
    fn versions_are_those_of_the_real_client() {
        let nix = ["/nix/store", "/nix/var/nix/db", "~/.cache/nix"];
        let vectors: [(&[&str], _, _, _); 6] = [
            (
                &["data"],
                Some(ZstdWithoutLong),
                false,
                "3ad75f27293d65a135214b8c82b296080f911dc107e52f1e7ec871a2eda46e69",
            ),
            (
                &["data"],
                Some(Gzip),
                false,
                "d603b013f22c8e30817c9ff51eada3c319f1ee747f362db3bb3d583b5c6153ff",
            ),
            (
                &nix,
                Some(ZstdWithoutLong),
                false,
                "9930b4f4e76b23bb318c5c147679db2cdbe6c2c30cccceb276aa94f44dbd49e7",
            ),
            (&["data"], None, false, "fc5d198d1638d0e2cde575375f1e9059de28a636cca9fe6b3784d56c35387b32"),
            (
                &["data"],
                Some(ZstdWithoutLong),
                true,
                "8d40e106a2609e27ada41c3ce8065810c71929369d450aea2fb8325de0851d26",
            ),
            // On Windows, but shared between systems.
            (
                &["data"],
                Some(ZstdWithoutLong),
                false,
                "3ad75f27293d65a135214b8c82b296080f911dc107e52f1e7ec871a2eda46e69",
            ),
        ];
        for (paths, compression, windows, expected) in vectors {
            assert_eq!(version(paths, compression, windows), expected, "{paths:?} {compression:?} {windows}");
        }
    }

    #[test]
    fn the_order_of_paths_counts() {
        assert_ne!(version(&["a", "b"], None, false), version(&["b", "a"], None, false));
    }
}
