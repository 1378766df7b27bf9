//! Nix's own caches in `~/.cache/nix`: what of them is worth keeping between runs.
//!
//! The fetchers' caches save downloads and evaluations of where sources are. The evaluation cache belongs to one
//! evaluation and the answers of binary caches grow stale, so both are left alone.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use snowbank_nix::hash::NarHasher;
use snowbank_nix::nar;

use crate::save::Tree;

/// Bytes of the largest file or folder that is saved.
const LARGEST: u64 = 256 << 20;

/// Bytes of all of them.
const ALL: u64 = 1 << 30;

/// What was found of Nix's caches.
#[derive(Debug, Default)]
pub struct Collected {
    /// Files and folders to save.
    pub trees: Vec<Tree>,
    /// What was left out, each with the reason.
    pub left: Vec<(String, String)>,
}

/// Whether an entry of `~/.cache/nix` is saved: databases of fetchers (Nix 2.4 to 2.35: `fetcher-cache-v1` to `-v4`),
/// and the Git repositories of tarballs and of Git inputs.
#[must_use]
pub fn is_kept(name: &str) -> bool {
    let folder = ["tarball-cache", "gitv"].iter().any(|prefix| name.starts_with(prefix));
    folder || (name.starts_with("fetcher-cache-v") && name.ends_with(".sqlite"))
}

/// Looks for what is to be saved in `cache`; copies of databases go to `scratch`, and live as long as that does. A folder
/// that is not there holds nothing. Reads everything that it finds.
#[must_use]
pub fn collect(cache: &Path, scratch: &Path) -> Collected {
    let mut collected = Collected::default();
    let Ok(entries) = std::fs::read_dir(cache) else { return collected };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_kept(name))
        .collect();
    names.sort();
    let mut room = ALL;
    for name in names {
        match tree(cache, scratch, &name, room.min(LARGEST)) {
            Ok(tree) => {
                room -= tree.nar_size.min(room);
                collected.trees.push(tree);
            }
            Err(why) => collected.left.push((name, why)),
        }
    }
    collected
}

fn tree(cache: &Path, scratch: &Path, name: &str, most: u64) -> Result<Tree, String> {
    let mut file = cache.join(name);
    let size = size(&file, most);
    if size > most {
        return Err(format!("it has more than {most} bytes"));
    }
    if name.ends_with(".sqlite") {
        file = copy(&file, &scratch.join(name)).map_err(|error| error.to_string())?;
    }
    let hasher =
        nar::dump(&file, Hashing(NarHasher::default())).map_err(|error| crate::text::chain(&error))?;
    let (nar_hash, nar_size) = hasher.0.finish();
    Ok(Tree { name: name.to_owned(), file, nar_hash, nar_size })
}

/// A consistent copy of a database that somebody may be writing to.
fn copy(database: &Path, to: &Path) -> rusqlite::Result<PathBuf> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(database, flags)
        .or_else(|_| Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let path = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    connection.execute("vacuum into ?1", [path])?;
    Ok(to.to_owned())
}

/// Bytes of the files at `path`, counted until they are more than `most`. No link is followed.
fn size(path: &Path, most: u64) -> u64 {
    let (mut waiting, mut sum) = (vec![path.to_owned()], 0);
    while let Some(path) = waiting.pop() {
        let Ok(stat) = path.symlink_metadata() else { continue };
        sum += stat.len();
        if sum > most {
            return sum;
        }
        if stat.is_dir() {
            waiting
                .extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    sum
}

struct Hashing(NarHasher);

impl std::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetchers_caches_are_kept_and_what_grows_stale_is_not() {
        for name in [
            "fetcher-cache-v1.sqlite",
            "fetcher-cache-v3.sqlite",
            "tarball-cache",
            "tarball-cache-v2",
            "gitv3",
        ] {
            assert!(is_kept(name), "{name}");
        }
        for name in [
            "fetcher-cache-v1.sqlite-wal",
            "binary-cache-v6.sqlite",
            "eval-cache-v5",
            "flake-registry.json",
            "..",
        ] {
            assert!(!is_kept(name), "{name}");
        }
    }

    #[test]
    fn a_database_is_copied_with_what_is_in_its_log() {
        let (cache, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let live = Connection::open(cache.path().join("fetcher-cache-v1.sqlite")).unwrap();
        live.pragma_update(None, "journal_mode", "wal").unwrap();
        live.execute_batch("create table Cache (a); insert into Cache values (7);").unwrap();
        std::fs::create_dir_all(cache.path().join("tarball-cache/objects")).unwrap();
        std::fs::write(cache.path().join("tarball-cache/objects/x"), "object").unwrap();
        std::fs::write(cache.path().join("binary-cache-v6.sqlite"), "stale").unwrap();
        let Collected { trees, left } = collect(cache.path(), scratch.path());
        assert!(left.is_empty(), "{left:?}");
        let names: Vec<_> = trees.iter().map(|tree| tree.name.as_str()).collect();
        assert_eq!(names, ["fetcher-cache-v1.sqlite", "tarball-cache"]);
        let copied = Connection::open(&trees[0].file).unwrap();
        let value: i64 = copied.query_row("select a from Cache", [], |row| row.get(0)).unwrap();
        assert_eq!(value, 7);
        assert_eq!(trees[1].nar_size, nar::dump(&trees[1].file, Vec::new()).unwrap().len() as u64);
        drop(live);
    }

    #[test]
    fn what_is_too_large_or_no_database_is_left_out_with_the_reason() {
        let (cache, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(cache.path().join("fetcher-cache-v1.sqlite"), "no database").unwrap();
        let large = std::fs::File::create(cache.path().join("tarball-cache")).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        let Collected { trees, left } = collect(cache.path(), scratch.path());
        assert!(trees.is_empty());
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left[1].1.contains("more than"), "{left:?}");
        assert!(collect(&cache.path().join("absent"), scratch.path()).trees.is_empty());
    }
}
