//! NARs that Nix writes, and trees that it restores.

use std::{
    fs::{self, File},
    process::Stdio,
};

use snowbank_nix::{
    hash::NarHasher,
    nar::{dump, restore},
};

use crate::support::{command, print, tree};

#[test]
fn a_dump_is_what_nix_dumps() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path());
    let output = command("nix-store").arg("--dump").arg(folder.path()).output().unwrap();
    assert!(output.status.success());
    assert_eq!(dump(folder.path(), Vec::new()).unwrap(), output.stdout);

    let (hash, size) = dump(folder.path(), NarHasher::default()).unwrap().finish();
    let printed = print("nix-hash", &["--type", "sha256", "--base32", folder.path().to_str().unwrap()]);
    assert_eq!((hash.to_string(), size), (format!("sha256:{printed}"), output.stdout.len() as u64));
}

#[test]
fn what_nix_restores_from_our_dump_is_the_same_tree() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to, nar] = ["from", "to", "nar"].map(|name| folder.path().join(name));
    tree(&from);
    dump(&from, File::create(&nar).unwrap()).unwrap();
    let mut restore = command("nix-store");
    let input = Stdio::from(File::open(&nar).unwrap());
    assert!(restore.arg("--restore").arg(&to).stdin(input).status().unwrap().success());
    assert_eq!(dump(&to, Vec::new()).unwrap(), fs::read(nar).unwrap());
}

#[test]
fn what_we_restore_has_the_hash_that_nix_computes() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
    tree(&from);
    let output = command("nix-store").arg("--dump").arg(&from).output().unwrap();
    restore(output.stdout.as_slice(), &to).unwrap();
    let hash = |path: &str| print("nix-hash", &["--type", "sha256", path]);
    assert_eq!(hash(to.to_str().unwrap()), hash(from.to_str().unwrap()));
}
