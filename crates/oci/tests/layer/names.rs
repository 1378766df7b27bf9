//! What fails, and how it is told.

use std::error::Error as _;

use snowbank_oci::layer::{LayerError, LayerPath, PathOptions};

use crate::support::{Nars, directory, file, path, perm, plain, tar};

#[test]
fn a_path_that_is_missing_is_named() {
    let a = path('a', "a");
    let error = tar(vec![plain(&a)], &Nars::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {a}"));
    assert_eq!(error.source().unwrap().to_string(), "it is not there");
}

#[test]
fn a_nar_that_is_another_one_is_named() {
    use snowbank_nix::hash::NarHash;
    use snowbank_oci::tree::{NarTree, Tree as _};

    let (a, nar) = (path('a', "a"), directory([("x", file("x"))]).nar());
    let read = |nar: Vec<u8>, hash, size| {
        let mut tree = NarTree::new(a.clone(), std::io::Cursor::new(nar), hash, size);
        while tree.next_event().map_err(|error| format!("{error}: {}", error.source().unwrap()))?.is_some() {}
        Ok::<_, String>(())
    };
    let (hash, size) = (NarHash::of(&nar), nar.len() as u64);
    assert_eq!(read(nar.clone(), hash, size), Ok(()));
    for (nar, hash, size) in [
        (nar.clone(), NarHash::of(b""), size),
        (nar.clone(), hash, size - 1),
        (nar.clone(), hash, size + 1),
        ([&nar[..], b"x"].concat(), hash, size),
        (nar[..nar.len() - 8].to_vec(), hash, size),
    ] {
        assert!(read(nar, hash, size).unwrap_err().starts_with(&format!("cannot read {a}: ")));
    }
}

#[test]
fn options_that_cannot_be_used_are_named() {
    let a = path('a', "a");
    let nars = Nars::of([(&a, &file("x"))]);
    for one in [perm("(", "", 0), perm("", "rwx", 0)] {
        let options = PathOptions { perms: vec![one], ..PathOptions::default() };
        let error = tar(vec![LayerPath { options, ..plain(&a) }], &nars).unwrap_err();
        assert!(matches!(error, LayerError::Pattern { .. } | LayerError::Perm { .. }), "{error}");
        assert!(error.to_string().contains(&format!("/nix/store/{a}")), "{error}");
    }
}
