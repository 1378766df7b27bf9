//! The sources that a `flake.lock` names.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;
use snowbank_nix::content_address::{ContentAddress, Method};
use snowbank_nix::hash::{Algorithm, Digest};
use snowbank_nix::store::LocalStore;
use snowbank_nix::store_path::{References, StoreDir, StorePath};

use super::SelectError;

/// Bytes of the largest lock file.
const MAX_LEN: u64 = 16 << 20;

/// The name that Nix gives every fetched source.
const NAME: &str = "source";

/// Those sources that the store has. No lock file names none.
pub(super) fn sources(file: &Path, store: &LocalStore) -> Result<BTreeSet<StorePath>, SelectError> {
    let unread = |error| SelectError::LockFile { path: file.to_owned(), error };
    let mut text = Vec::new();
    match File::open(file) {
        Ok(open) => open.take(MAX_LEN + 1).read_to_end(&mut text).map_err(unread)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(unread(error)),
    };
    let named = locked_sources(&text, store.place().dir())
        .map_err(|why| SelectError::NoLockFile { path: file.to_owned(), why })?;
    let mut sources = BTreeSet::new();
    for path in named {
        if store.is_valid(&path)? {
            sources.insert(path);
        }
    }
    Ok(sources)
}

/// The store paths of all nodes that have a `narHash`, of a lock file in version 4 to 7.
///
/// # Errors
/// What is wrong with a text that is no lock file.
pub fn locked_sources(text: &[u8], dir: &StoreDir) -> Result<BTreeSet<StorePath>, String> {
    if text.len() as u64 > MAX_LEN {
        return Err(format!("it has more than {MAX_LEN} bytes"));
    }
    let lock: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let nodes = lock.get("nodes").and_then(Value::as_object).ok_or("it has no nodes")?;
    let hashes = nodes.values().filter_map(|node| node.get("locked")?.get("narHash")?.as_str());
    Ok(hashes.filter_map(|hash| source(hash, dir)).collect())
}

fn source(hash: &str, dir: &StoreDir) -> Option<StorePath> {
    let digest = Digest::parse(hash).ok().filter(|digest| digest.algorithm() == Algorithm::Sha256)?;
    let ca = ContentAddress::new(Method::Nar, digest)?;
    let none = BTreeSet::new();
    dir.content_path(NAME, &ca, References { others: &none, itself: false }).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_locked_node_names_the_path_of_its_source() {
        // `nix-store --print-fixed-path --recursive sha256` gives it.
        let expected = "m835qaa7vfv85dzv7xrfikgri7yh3ahf-source".parse().unwrap();
        let lock = r#"{"nodes": {
            "a": {"locked": {"narHash": "sha256-K/72fehzxUVR2IT9qzBV2E1XPmVO+nnbPA17mIg/nuM=", "type": "github"}},
            "b": {"locked": {"narHash": "sha256-nonsense"}},
            "c": {"locked": {"path": "/x"}}, "root": {"inputs": {"a": "a"}}}, "root": "root", "version": 7}"#;
        assert_eq!(
            locked_sources(lock.as_bytes(), &StoreDir::default()).unwrap(),
            BTreeSet::from([expected])
        );
    }

    #[test]
    fn what_is_no_lock_file_says_so() {
        for text in ["", "[]", "{\"nodes\": 3}", "nodes"] {
            assert!(locked_sources(text.as_bytes(), &StoreDir::default()).is_err(), "{text}");
        }
        assert!(locked_sources(br#"{"nodes": {}}"#, &StoreDir::default()).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: Vec<u8>) {
            let _ = locked_sources(&text, &StoreDir::default());
        }

        #[test]
        fn arbitrary_hashes_never_panic(hash: String) {
            let _ = source(&hash, &StoreDir::default());
        }
    }
}
