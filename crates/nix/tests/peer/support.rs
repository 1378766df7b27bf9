//! A private store with a few paths, and Nix's programs on it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use snowbank_nix::store_path::{StoreDir, StorePath};
use snowbank_testkit::{
    closure::{self, Closure, nix},
    tools,
};
use tempfile::TempDir;

/// A private store with three paths: two trees and a text that refers to both.
pub(crate) fn closure() -> Closure {
    let trees = tempfile::tempdir().unwrap();
    let (one, two) = (trees.path().join("one"), trees.path().join("two"));
    tree(&one);
    fs::create_dir(&two).unwrap();
    fs::write(two.join("file"), "two").unwrap();
    Closure::of(&[("one-1.0", &one), ("two-2.0", &two)])
}

/// A folder with every kind of file, and names in which the order of bytes matters.
pub(crate) fn tree(folder: &Path) {
    fs::create_dir_all(folder.join("empty")).unwrap();
    fs::create_dir_all(folder.join("a/b/c")).unwrap();
    for (name, size) in [("a.b", 0), ("a-b", 1), ("ab", 7), ("A", 8), ("a/é", 9), ("a/b/c/large", 300_001)] {
        fs::write(folder.join(name), vec![b'x'; size]).unwrap();
    }
    let script = folder.join("a/script");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../nowhere", folder.join("a/link")).unwrap();
    symlink(".", folder.join("loop")).unwrap();
}

/// An empty private store.
pub(crate) fn empty_store() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    closure::succeed(nix("nix-store", root.path()).arg("--init"));
    root
}

/// Instantiates a derivation with two outputs that needs a builder, in the store at `root`; its path.
pub(crate) fn instantiate(root: &Path, name: &str) -> StorePath {
    let expression = format!(
        "derivation {{ name = \"{name}\"; system = \"x\"; builder = builtins.toFile \"builder\" \"{name}\"; \
         outputs = [ \"out\" \"dev\" ]; }}"
    );
    let printed = closure::succeed(nix("nix-instantiate", root).args(["--expr", &expression]));
    store_path(&printed.replace("!out", ""))
}

/// The store path that a program printed.
pub(crate) fn store_path(printed: &str) -> StorePath {
    StoreDir::default().parse(printed.trim()).unwrap()
}

/// Waits until `condition` holds.
pub(crate) fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "what is waited for does not happen");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process has `file` open.
pub(crate) fn has_open(process: &Child, file: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap();
    open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).any(|target| target == file)
}

/// One of Nix's programs that need no store.
pub(crate) fn command(program: &str) -> Command {
    tools::ensure("nix");
    let mut command = tools::command(program);
    command.env("NIX_CONF_DIR", "/nonexistent").env_remove("NIX_REMOTE");
    command
}

/// What such a program prints, without the line break.
pub(crate) fn print(program: &str, arguments: &[&str]) -> String {
    closure::succeed(command(program).args(arguments)).trim_end().to_owned()
}
