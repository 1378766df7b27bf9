//! Listings and content addresses that Nix writes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use snowbank_nix::{
    content_address::Method,
    hash::NarHash,
    nar::{ContentCheck, Listing, MAX_LISTING, Parser, Verdict},
    nar_info::NarInfo,
    store_path::StoreDir,
};
use snowbank_testkit::closure::{nix, succeed};
use tempfile::TempDir;

use crate::support::closure;

/// A binary cache in a folder, with listings, of trees, a text and a flat file.
fn cache() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = closure();
    let file = folder.path().join("flat");
    fs::write(&file, "a file").unwrap();
    let flat = succeed(nix("nix-store", made.root()).args(["--add-fixed", "sha256"]).arg(&file));
    let url = format!("file://{}?compression=none&write-nar-listing=1", folder.path().display());
    let mut copy = nix("nix", made.root());
    copy.args(["--extra-experimental-features", "nix-command", "copy", "--to", &url]);
    succeed(copy.args([made.top(), flat.trim()]));
    folder
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == end)).collect()
}

fn nar(cache: &Path, info: &Path) -> (NarInfo, Vec<u8>) {
    let info = NarInfo::parse(&fs::read_to_string(info).unwrap(), &StoreDir::default()).unwrap();
    let nar = fs::read(cache.join(&info.url)).unwrap();
    (info, nar)
}

#[test]
fn a_listing_says_what_nix_says() {
    let cache = cache();
    let infos = files(cache.path(), "narinfo");
    assert_eq!(infos.len(), 4);
    for path in infos {
        let (_, nar) = nar(cache.path(), &path);
        let (mut parser, mut listing, mut rest) = (Parser::new(), Listing::new(MAX_LISTING), nar.as_slice());
        while let Some((event, offset)) = parser.next_event_at(&mut rest).unwrap() {
            listing.event(&event, offset);
        }
        let ours: Value = serde_json::from_str(&listing.finish().unwrap()).unwrap();
        let theirs: Value = serde_json::from_slice(&fs::read(path.with_extension("ls")).unwrap()).unwrap();
        assert_eq!(ours, theirs);
    }
}

#[test]
fn the_addresses_that_nix_computes_hold() {
    let cache = cache();
    let mut methods = BTreeSet::new();
    for path in files(cache.path(), "narinfo") {
        let (info, nar) = nar(cache.path(), &path);
        let (mut parser, mut check, mut rest) = (Parser::new(), ContentCheck::default(), nar.as_slice());
        while let Some(event) = parser.next_event(&mut rest).unwrap() {
            check.event(&event);
        }
        let address = info.info.ca.unwrap();
        assert_eq!(check.finish(NarHash::of(&nar)).has(&address, false), Verdict::Holds, "{address}");
        methods.insert(address.method());
    }
    assert_eq!(methods, BTreeSet::from([Method::Text, Method::Flat, Method::Nar]));
}
