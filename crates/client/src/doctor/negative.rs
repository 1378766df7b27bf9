//! What Nix remembers of a cache: paths that it did not have when Nix asked.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OpenFlags};

/// Names that are read at the most.
pub const MOST: usize = 100;

/// How long Nix believes a no, unless `narinfo-cache-negative-ttl` says otherwise.
const BELIEVED: Duration = Duration::from_secs(3600);

/// How long to wait for a Nix that writes.
const PATIENCE: Duration = Duration::from_secs(2);

/// The first parts of the names (32 digits) of at most [`MOST`] paths that Nix takes for missing in the cache at `url`,
/// the last asked for first. Source: Nix's `binary-cache-v6.sqlite`, whose tables are those of version 5 to 7 alike.
///
/// # Errors
/// When the file is no such database, or cannot be read.
pub fn missing(file: &Path, url: &str, now: SystemTime) -> Result<Vec<String>, rusqlite::Error> {
    let connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(PATIENCE)?;
    let since = now.checked_sub(BELIEVED).and_then(|since| since.duration_since(SystemTime::UNIX_EPOCH).ok());
    let since = i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
    let mut rows = connection.prepare(
        "select distinct n.hashPart from NARs n join BinaryCaches c on c.id = n.cache \
         where rtrim(c.url, '/') = ?1 and n.present = 0 and n.timestamp > ?2 order by n.timestamp desc limit ?3",
    )?;
    let rows =
        rows.query_map((url.trim_end_matches('/'), since, MOST as i64), |row| row.get::<_, String>(0))?;
    let digits = |name: &String| name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    rows.filter(|row| row.as_ref().map_or(true, digits)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_is_still_believed_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("binary-cache-v6.sqlite");
        let connection = Connection::open(&file).unwrap();
        connection
            .execute_batch(
                "create table BinaryCaches (id integer primary key, url text unique not null, timestamp integer);
                 create table NARs (cache integer, hashPart text, timestamp integer, present integer);
                 insert into BinaryCaches values (1, 'http://h/nix/a', 0), (2, 'http://h/nix/b', 0);
                 insert into NARs values (1, '00000000000000000000000000000001', 9000, 0),
                   (1, '00000000000000000000000000000002', 100, 0), (1, '00000000000000000000000000000003', 9000, 1),
                   (2, '00000000000000000000000000000004', 9000, 0), (1, '../../x', 9000, 0);",
            )
            .unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        assert_eq!(missing(&file, "http://h/nix/a/", now).unwrap(), ["00000000000000000000000000000001"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn arbitrary_files_are_refused(bytes: Vec<u8>) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("memory");
            std::fs::write(&file, bytes).unwrap();
            prop_assert!(missing(&file, "http://h", SystemTime::now()).is_err());
        }
    }
}
