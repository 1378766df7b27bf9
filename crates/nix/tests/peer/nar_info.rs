//! `.narinfo` files that `nix copy` writes, and one that it reads.

use std::fs;

use snowbank_nix::{closure::Closure, nar_info::NarInfo, signature::SecretKey, store_path::StoreDir};
use snowbank_testkit::closure::{nix, succeed};

use crate::support::closure;

#[test]
fn what_nix_copy_writes_is_read_verified_and_written_again() {
    let (dir, key) = (StoreDir::default(), SecretKey::generate("host-1").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    fs::write(&key_file, key.expose()).unwrap();
    let made = closure();
    let cache = folder.path().join("cache");
    let url = format!("file://{}?compression=zstd&secret-key={}", cache.display(), key_file.display());
    let mut copy = nix("nix", made.root());
    succeed(copy.args(["--extra-experimental-features", "nix-command", "copy", "--to", &url, made.top()]));

    let mut infos = Vec::new();
    for entry in fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|end| end == "narinfo") {
            let text = fs::read_to_string(&entry).unwrap();
            let read = NarInfo::parse(&text, &dir).unwrap();
            assert_eq!(read.to_text(&dir), text);
            assert_eq!(entry.file_stem().unwrap(), read.info.path.hash_part());
            assert!(read.info.signer(&dir, &[key.public()]).is_some());
            assert!(read.info.is_content_addressed(&dir));
            infos.push(read.info);
        }
    }
    let closure = Closure::new(infos).unwrap();
    let last = closure.references_first().last().unwrap();
    assert_eq!((closure.len(), dir.display(&last.path).as_str()), (3, made.top()));
}
