//! Stores with paths that nothing but a signature proves, as builds make them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::Digest as _;
use snowbank_testkit::closure::{nix, succeed};
use tempfile::TempDir;

use crate::kit::empty;

/// A store whose paths are written by hand.
pub(crate) struct Stock {
    root: TempDir,
}

/// The path with these digits at its beginning, thirty-two times the same.
pub(crate) fn path(digit: char, name: &str) -> String {
    format!("/nix/store/{}-{name}", digit.to_string().repeat(32))
}

impl Stock {
    pub(crate) fn new() -> Self {
        Self { root: empty() }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Adds a path with these files, which refers to all of `references` by one more file.
    pub(crate) fn add(&self, path: &str, files: &[(&str, &[u8])], references: &[&str]) {
        let folder = inside(self.root(), path);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, content) in files {
            std::fs::write(folder.join(name), content).unwrap();
        }
        std::fs::write(folder.join("references"), references.join("\n")).unwrap();
        let mut dump = snowbank_testkit::tools::command("nix-store");
        let nar = dump.arg("--dump").arg(&folder).output().unwrap().stdout;
        let hash = hex::encode(sha2::Sha256::digest(&nar));
        let mut lines = vec![path.to_owned(), hash, nar.len().to_string(), String::new()];
        lines.push(references.len().to_string());
        lines.extend(references.iter().map(|&path| path.to_owned()));
        let mut load = nix("nix-store", self.root());
        let mut load = load.arg("--load-db").stdin(Stdio::piped()).spawn().unwrap();
        let mut input = load.stdin.take().unwrap();
        input.write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
        drop(input);
        assert!(load.wait().unwrap().success());
    }
}

/// Where a path lies in the store at `root`.
pub(crate) fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Whether a path is valid in the store at `root`.
pub(crate) fn is_valid(root: &Path, path: &str) -> bool {
    nix("nix-store", root).args(["--check-validity", path]).output().unwrap().status.success()
}

/// All valid paths of a store.
pub(crate) fn all(root: &Path) -> Vec<String> {
    let dump = succeed(nix("nix-store", root).arg("--dump-db"));
    let mut paths: Vec<String> =
        dump.lines().filter(|line| line.starts_with("/nix/store/")).map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    paths
}
