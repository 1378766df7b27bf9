//! The closure fixture is a store that Nix accepts, and damage in it is noticed.

use std::{fs, os::unix::fs::PermissionsExt};

use snowbank_testkit::closure::{self, Closure};

#[test]
fn nix_accepts_the_store_and_notices_a_changed_file() {
    let trees = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        fs::create_dir(trees.path().join(name)).unwrap();
        fs::write(trees.path().join(name).join("file"), name.repeat(1000)).unwrap();
    }
    let (one, two) = (trees.path().join("one"), trees.path().join("two"));
    let made =
        Closure::of(&[("one-1.0", &one), ("two-2.0", &two)].map(|(name, tree)| (name, tree.as_path())));

    assert_eq!(made.paths().len(), 3, "{:?}", made.paths());
    assert!(made.paths().contains(&made.top().to_owned()));
    assert_eq!(closure::verify(made.root()), Ok(()));

    let path = made.paths().into_iter().find(|path| path.ends_with("one-1.0")).unwrap();
    let file = made.root().join(path.trim_start_matches('/')).join("file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "changed").unwrap();
    assert!(closure::verify(made.root()).unwrap_err().contains("was modified"));
}
