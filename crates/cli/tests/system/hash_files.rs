//! `snowbank hash-files`.

use std::fs;
use std::process::{Command, Output};

fn hash_files(workspace: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.arg("hash-files").args(arguments).env("GITHUB_WORKSPACE", workspace).output().unwrap()
}

#[test]
fn files_are_hashed_as_the_runner_hashes_them() {
    let workspace = tempfile::tempdir().unwrap();
    fs::write(workspace.path().join("empty.txt"), "").unwrap();
    let hashed = hash_files(workspace.path(), &["--follow-symbolic-links", "*.txt", "!none"]);
    assert_eq!(
        String::from_utf8(hashed.stdout).unwrap(),
        "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456\n"
    );
    let nothing = hash_files(workspace.path(), &["nothing"]);
    assert!(nothing.status.success());
    assert_eq!(nothing.stdout, b"\n");
}

#[test]
fn a_bad_pattern_is_a_wrong_use() {
    let workspace = tempfile::tempdir().unwrap();
    let refused = hash_files(workspace.path(), &["../x"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`../x`"));
}
