//! Hashes, keys and store paths are written as Nix writes them.

use std::{collections::BTreeSet, fs, path::Path};

use snowbank_nix::{
    content_address::{ContentAddress, Method},
    hash::{Algorithm, Digest},
    nix32,
    signature::{PublicKey, SecretKey},
    store_path::{References, StoreDir},
};
use snowbank_testkit::closure::{nix, succeed};

use crate::support::{closure, command, print};

#[test]
fn digests_of_every_length_have_nix_own_nix32() {
    for (algorithm, size) in [("md5", 16), ("sha1", 20), ("sha256", 32), ("sha512", 64)] {
        for pattern in [[0x00; 64], [0xff; 64], [0x80; 64], std::array::from_fn(|at| (at * 37 + 11) as u8)] {
            let bytes = &pattern[..size];
            let printed = print("nix-hash", &["--to-base32", "--type", algorithm, &hex::encode(bytes)]);
            assert_eq!(nix32::encode(bytes), printed);
            assert_eq!(nix32::decode(&printed).unwrap(), bytes);
        }
    }
}

#[test]
fn what_nix_refuses_is_refused() {
    // A first digit that says more than thirty-two bytes hold.
    let overlong = format!("sha256:2{}", "0".repeat(51));
    assert!(Digest::parse(&overlong).is_err());
    let output =
        command("nix-hash").args(["--to-base16", "--type", "sha256", &overlong[7..]]).output().unwrap();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn keys_that_nix_generates_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, public) = (folder.path().join("secret"), folder.path().join("public"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    print("nix-store", &["--generate-binary-cache-key", "host-1", &text(&secret), &text(&public)]);
    let key = SecretKey::parse(&fs::read_to_string(secret).unwrap()).unwrap();
    let public: PublicKey = fs::read_to_string(public).unwrap().trim_end().parse().unwrap();
    assert_eq!((key.name(), key.public()), ("host-1", public));
}

#[test]
fn texts_and_fixed_outputs_get_the_paths_that_nix_gives_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bar");
    fs::write(&file, "mycontent\n").unwrap();
    let path = |method, digest: Digest| {
        let address = ContentAddress::new(method, digest).unwrap();
        let path = StoreDir::default().content_path("bar", &address, References::NONE).unwrap();
        StoreDir::default().display(&path)
    };
    for (name, algorithm) in
        [("md5", Algorithm::Md5), ("sha1", Algorithm::Sha1), ("sha256", Algorithm::Sha256)]
    {
        for (flags, method) in [(&[][..], Method::Flat), (&["--recursive"], Method::Nar)] {
            let digest = Digest::parse_bare(&hash(&file, name, method == Method::Flat), algorithm).unwrap();
            let mut add = nix("nix-store", folder.path());
            let printed = succeed(add.arg("--add-fixed").args(flags).arg(name).arg(&file));
            assert_eq!(path(method, digest), printed.trim_end(), "{name} {flags:?}");
        }
    }
    let digest = Digest::parse_bare(&hash(&file, "sha256", true), Algorithm::Sha256).unwrap();
    let expression = "builtins.toFile \"bar\" \"mycontent\\n\"";
    let mut evaluate = nix("nix-instantiate", folder.path());
    let printed = succeed(evaluate.args(["--eval", "--read-write-mode", "--expr", expression]));
    assert_eq!(path(Method::Text, digest), printed.trim_end().trim_matches('"'));
}

#[test]
fn a_text_with_references_gets_the_path_that_nix_gives_it() {
    let closure = closure();
    let dir = StoreDir::default();
    let mut others: BTreeSet<_> = closure.paths().iter().map(|path| dir.parse(path).unwrap()).collect();
    others.remove(&dir.parse(closure.top()).unwrap());
    let top = closure.root().join(closure.top().trim_start_matches('/'));
    let digest = Digest::parse_bare(&hash(&top, "sha256", true), Algorithm::Sha256).unwrap();
    let address = ContentAddress::new(Method::Text, digest).unwrap();
    let references = References { others: &others, itself: false };
    let path = dir.content_path("environment", &address, references).unwrap();
    assert_eq!(dir.display(&path), closure.top());
}

fn hash(file: &Path, algorithm: &str, flat: bool) -> String {
    let mut arguments = vec!["--type", algorithm, file.to_str().unwrap()];
    arguments.extend(flat.then_some("--flat"));
    print("nix-hash", &arguments)
}
