//! The lock file and its hash, with real git.

use std::process::Command;

use crate::kit::Desk;

fn flake(committed: bool) -> Desk {
    let desk = Desk::new();
    desk.git(&["init", "-q"]);
    desk.write("work/flake.nix", "{}");
    desk.write("work/flake.lock", "{\"version\": 7}\n");
    desk.git(&["add", "flake.nix"]);
    if committed {
        desk.git(&["add", "flake.lock"]);
    }
    desk.git(&["commit", "-qm", "x"]);
    desk
}

#[test]
fn a_committed_lock_file_is_hashed_as_a_job_does() {
    let desk = flake(true);
    let said = desk.ask(&["--offline"], &[]);
    said.says("lock-file", "ok", "flake.lock", "");
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    desk.settle(&mut command);
    let hash = command.args(["hash-files", "flake.lock"]).current_dir(desk.at("work")).output().unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    said.says("hash", "ok", hash.trim(), "nix-store-Linux-");
    let key = format!("nix-{}", hash.trim());
    desk.ask(&["--offline", "--key", &key], &[]).says("hash", "ok", hash.trim(), "");
    desk.write("work/flake.lock", "{}");
    let said = desk.ask(&["--offline", "--key", &key], &[]);
    said.says("lock-file-modified", "warning", "changed", "commit");
    said.says("hash-differs", "warning", hash.trim(), "lock file has changed");
}

#[test]
fn a_lock_file_that_jobs_do_not_have_is_a_problem() {
    let desk = flake(false);
    desk.ask(&["--offline"], &[]).says(
        "lock-file-untracked",
        "problem",
        "git does not know it",
        "git add flake.lock",
    );
    desk.write("work/.gitignore", "*.lock\n");
    desk.ask(&["--offline"], &[]).says("lock-file-ignored", "problem", ".gitignore", "git add -f flake.lock");
}

#[test]
fn a_wrong_path_hashes_nothing_and_the_right_one_is_named() {
    let desk = Desk::new();
    desk.git(&["init", "-q"]);
    for folder in ["a", "b"] {
        desk.write(&format!("work/{folder}/flake.lock"), folder);
    }
    desk.git(&["add", "."]);
    desk.git(&["commit", "-qm", "x"]);
    let said = desk.ask(&["--offline"], &[]);
    said.says("lock-file-missing", "problem", "a/flake.lock, b/flake.lock", "hashFiles('**/flake.lock')");
    said.says("hash-empty", "problem", "is empty", "begin at the workspace");
    let said = desk.ask(&["--offline", "--lock-file", "a/flake.lock", "--lock-file", "b/flake.lock"], &[]);
    said.says("hash", "ok", "hashFiles('a/flake.lock', 'b/flake.lock')", "");
    let said = desk.ask(&["--offline", "--lock-file", "a/../b"], &[]);
    said.says("hash-failed", "problem", "a/../b", "alike in a job");
}

#[test]
fn where_there_is_no_flake_nothing_is_wrong() {
    let said = Desk::new().ask(&["--offline"], &[]);
    said.says("lock-file-none", "note", "neither", "--lock-file");
}

#[test]
fn people_read_lines() {
    let desk = flake(false);
    let output = desk.command(&["--offline"], &[]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("problem  the lock file is not committed\n         flake.lock is there"),
        "{text}"
    );
    assert!(text.contains("\n         hint: `git add flake.lock` and commit it\n"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
