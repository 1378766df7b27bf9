//! What a restore leaves for the save that follows it in another process: when it began, and what it brought.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use snowbank_nix::store::Place;
use snowbank_nix::store_path::StorePath;

use crate::series::Key;

/// Bytes of the largest stamp: some hundred thousand paths.
const MAX_LEN: u64 = 32 << 20;

/// What a restore left. No stamp is as good as one that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The second of the Unix era at which the restore began.
    pub began: i64,
    /// The entry that was found.
    pub entry: Option<String>,
    /// The paths that the restore brought.
    pub restored: BTreeSet<StorePath>,
    /// Where they are served instead, if they are.
    pub served: Option<String>,
}

/// How it is written.
#[derive(Serialize, Deserialize)]
struct Text {
    began: i64,
    #[serde(default)]
    entry: Option<String>,
    #[serde(default)]
    restored: Vec<String>,
    #[serde(default)]
    served: Option<String>,
}

impl Stamp {
    /// The stamp of a series and a store, in the folder of stamps.
    #[must_use]
    pub fn read(folder: &Path, place: &Place, key: &Key) -> Option<Self> {
        let mut text = String::new();
        File::open(file(folder, place, key)).ok()?.take(MAX_LEN).read_to_string(&mut text).ok()?;
        let Text { began, entry, restored, served } = serde_json::from_str(&text).ok()?;
        let restored = restored.iter().filter_map(|path| path.parse().ok()).collect();
        Some(Self { began, entry, restored, served })
    }

    /// Writes the stamp in place of the one before; whoever reads meanwhile reads one of both. Nobody else on the machine
    /// can read it: where paths are served is secret.
    ///
    /// # Errors
    /// When the folder cannot be made or written to.
    pub fn write(&self, folder: &Path, place: &Place, key: &Key) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let restored = self.restored.iter().map(ToString::to_string).collect();
        let (entry, served) = (self.entry.clone(), self.served.clone());
        let text = Text { began: self.began, entry, restored, served };
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(&serde_json::to_vec(&text)?)?;
        new.persist(file(folder, place, key))?;
        Ok(())
    }
}

/// Where is noted what is asked for of the paths that are served after this restore.
#[must_use]
pub fn usage_file(folder: &Path, place: &Place, key: &Key) -> PathBuf {
    file(folder, place, key).with_extension("used")
}

fn file(folder: &Path, place: &Place, key: &Key) -> PathBuf {
    let named = format!("{}\n{key}", place.store().display());
    folder.join(format!("restore-{}.json", &hex::encode(Sha256::digest(named))[..32]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_of_one_store_and_one_series() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state/snowbank");
        let (one, two) = (Place::system(), Place::below(Path::new("/other")));
        let (key, other): (Key, Key) = ("k".parse().unwrap(), "l".parse().unwrap());
        assert_eq!(Stamp::read(&state, &one, &key), None);
        let path: StorePath = "xv2iccirbrvklck36f1g7vldn5v58vck-a".parse().unwrap();
        let served = Some("http://127.0.0.1:1/x".into());
        let stamp = Stamp { began: 7, entry: Some("k#1".into()), restored: [path].into(), served };
        stamp.write(&state, &one, &key).unwrap();
        assert_eq!(Stamp::read(&state, &one, &key), Some(stamp.clone()));
        let newer = Stamp { began: 8, ..stamp };
        newer.write(&state, &one, &key).unwrap();
        assert_eq!(Stamp::read(&state, &one, &key), Some(newer));
        assert_eq!(Stamp::read(&state, &one, &other), None);
        assert_eq!(Stamp::read(&state, &two, &key), None);
    }

    #[test]
    fn what_is_no_stamp_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (place, key) = (Place::system(), "k".parse().unwrap());
        for text in ["", "{", "[]", "{\"began\": \"x\"}"] {
            fs::write(file(folder.path(), &place, &key), text).unwrap();
            assert_eq!(Stamp::read(folder.path(), &place, &key), None, "{text}");
        }
        let odd = r#"{"began": 3, "restored": ["../../etc"], "more": 1}"#;
        fs::write(file(folder.path(), &place, &key), odd).unwrap();
        assert_eq!(Stamp::read(folder.path(), &place, &key), Some(Stamp { began: 3, ..Stamp::default() }));
    }
}
