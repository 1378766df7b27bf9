//! Archives as `actions/cache` makes them: GNU tar's `--posix` under zstd.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A tar and its compressed form.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// What must come out of every restore.
    pub tar: Vec<u8>,
    /// What is uploaded.
    pub zst: Vec<u8>,
}

impl Archive {
    /// The archive of a folder.
    pub(crate) fn of(folder: &Path) -> Self {
        let tar =
            Command::new("tar").args(["--posix", "-cf", "-", "-C"]).arg(folder).arg(".").output().unwrap();
        assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
        let zst = zstd::encode_all(&*tar.stdout, 3).unwrap();
        Self { tar: tar.stdout, zst }
    }

    /// An archive of files that cannot be compressed: three of four are in every archive with the number `shared`, the
    /// others in no other.
    pub(crate) fn made(shared: u64, own: u64, files: usize, size: usize) -> Self {
        Self::mixed(shared, own, files, size, 1)
    }

    /// The same, with `own_of_four` of four files in no other archive.
    pub(crate) fn mixed(shared: u64, own: u64, files: usize, size: usize, own_of_four: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in 0..files {
            let (name, seed) = match file % 4 {
                of_four if of_four < own_of_four => {
                    (format!("own-{own}-{file}"), own * 1000 + file as u64 + 1_000_000)
                }
                _ => (format!("shared-{shared}-{file}"), shared * 1000 + file as u64),
            };
            fs::write(folder.path().join(name), noise(seed, size + file * 977)).unwrap();
        }
        Self::of(folder.path())
    }

    /// Whether these bytes unpack to this archive.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        zstd::decode_all(bytes).is_ok_and(|tar| tar == self.tar)
    }
}

/// Bytes that look random and are the same for the same seed.
pub(crate) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
