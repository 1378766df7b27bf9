//! `run`: restore, a command, save.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use snowbank_testkit::closure::{requisites, verify};

use crate::kit::{REPO, Remote, closure, empty, said};

/// `snowbank run` of a shell script on a store; a working folder without `result` links.
fn run(remote: &Remote, root: &Path, options: &[&str], script: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    command(remote, root, options, script).current_dir(folder.path()).output().unwrap()
}

fn command(remote: &Remote, root: &Path, options: &[&str], script: &str) -> Command {
    let mut command = remote.command(&["run", "--key", "k", "--min-free", "1MB", "--json"]);
    command.arg("--store").arg(root).args(options).args(["--", "sh", "-c", script]);
    command
}

fn result(output: &Output) -> Value {
    serde_json::from_str(said(output).lines().last().unwrap()).unwrap()
}

/// A script that adds a file to the store and prints its path.
fn adds(root: &Path, text: &str) -> String {
    format!(
        "echo {text} > $PWD/{text} && NIX_CONF_DIR=/nonexistent nix-store --store {} --add $PWD/{text}",
        root.display()
    )
}

#[test]
fn what_a_command_built_is_there_in_the_next_run() {
    let remote = Remote::server();
    let first = empty();
    let output = run(&remote, first.path(), &[], &adds(first.path(), "built"));
    assert!(output.status.success(), "{}", said(&output));
    let built = String::from_utf8_lossy(&output.stdout).lines().next().unwrap().to_owned();
    let done = result(&output);
    assert_eq!((&done["matched"], &done["saved"], &done["code"]), (&json!(null), &json!("k#1"), &json!(0)));
    let second = empty();
    let output = run(&remote, second.path(), &[], &format!("test -e {}{built}", second.path().display()));
    assert!(output.status.success(), "{}", said(&output));
    let done = result(&output);
    assert_eq!((&done["matched"], &done["saved"]), (&json!("k#1"), &json!(null)));
    assert_eq!(requisites(second.path(), &built), [built]);
    verify(second.path()).unwrap();
}

#[test]
fn the_exit_code_is_the_command_s_and_what_it_built_is_saved_all_the_same() {
    let remote = Remote::server();
    let root = empty();
    let failing = format!("{}; exit 3", adds(root.path(), "built"));
    let output = run(&remote, root.path(), &["--save", "on-success"], &failing);
    assert_eq!((output.status.code(), &result(&output)["saved"]), (Some(3), &json!(null)));
    let output = run(&remote, root.path(), &[], &failing);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let output = run(&remote, root.path(), &["--save", "never"], "kill -9 $$");
    assert_eq!(output.status.code(), Some(137));
}

#[test]
fn a_command_runs_without_a_cache_too() {
    let root = empty();
    let absent = Remote::Url("http://127.0.0.1:1".to_owned());
    let output = run(&absent, root.path(), &[], "echo ran");
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("ran\n"));
    for words in [
        "warning: nothing was restored",
        "yet: trying on",
        "hint: is its server running, and the URL right? `snowbank doctor --remote http://127.0.0.1:1`",
    ] {
        assert!(said(&output).contains(words), "no `{words}` in {}", said(&output));
    }
    let stages = &result(&output)["stages"];
    assert_eq!(
        (&stages[0]["what"], &stages[0]["more"]),
        (&json!("restore"), &json!("the cache did not answer"))
    );
    assert!(
        stages
            .as_array()
            .unwrap()
            .iter()
            .any(|stage| stage["more"].as_str().unwrap().starts_with("not saved: "))
    );
    let strict = run(&absent, root.path(), &["--strict"], "echo ran");
    assert_eq!((strict.status.code(), strict.stdout.len()), (Some(1), 0));
}

#[test]
fn what_was_found_and_not_restored_is_told_at_the_end() {
    let (remote, store, nowhere) = (Remote::server(), closure(&[1]), tempfile::tempdir().unwrap());
    remote.save(store.root(), store.top());
    let mut run = remote.command(&["run", "--key", "k"]);
    let output = run.arg("--store").arg(nowhere.path()).args(["--", "true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    for words in [
        &format!("the cache of {REPO} at http://"),
        "found k#1, not restored, saved nothing",
        "not restored: there is no Nix store with a database",
        "nix-store --store ROOT --verify",
    ] {
        assert!(said(&output).contains(words), "no `{words}` in {}", said(&output));
    }
}

#[test]
fn a_command_may_open_as_many_files_as_it_could_without_us() {
    let remote = Remote::folder();
    let store = closure(&(0..40).collect::<Vec<_>>());
    remote.save(store.root(), store.top());
    let root = empty();
    let mut command = Command::new("sh");
    // So few that a restore asks for more.
    let inner = format!("{:?}", self::command(&remote, root.path(), &["--save", "never"], "ulimit -n"));
    let output = command.args(["-c", &format!("ulimit -S -n 64; exec env {inner}")]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(printed.lines().next(), Some("64"), "{}", said(&output));
    assert_eq!(requisites(root.path(), store.top()), store.paths());
}

#[test]
fn a_command_that_is_none_says_so() {
    let (remote, root) = (Remote::folder(), empty());
    let mut command = remote.command(&["run", "--key", "k", "--min-free", "1MB"]);
    let output = command.arg("--store").arg(root.path()).args(["--", "no-such-command"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("could not run no-such-command"), "{}", said(&output));
}

#[test]
fn what_was_built_so_far_is_saved_while_the_command_goes_on() {
    let remote = Remote::server();
    let (store, root) = (closure(&[1]), empty());
    remote.save(store.root(), store.top());
    let folder = tempfile::tempdir().unwrap();
    let script = format!("{} && sleep 30", adds(root.path(), "early"));
    let mut command = command(&remote, root.path(), &["--checkpoint", "1s"], &script);
    let mut child = command.current_dir(folder.path()).spawn().unwrap();
    let saved = || {
        let root = empty();
        remote.run(root.path(), &["restore", "--key", "k", "--lookup-only"])["matched"] == "k#2"
    };
    let begun = std::time::Instant::now();
    while !saved() && begun.elapsed() < Duration::from_secs(25) {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(saved(), "no generation was saved while the command ran");
    // As a runner ends a job: the command is told.
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}
