//! Saves and restores beside the garbage collector and beside builds.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use snowbank_testkit::closure::{nix, requisites, succeed, verify};

use crate::kit::{Remote, closure, empty, said};

/// Does `work` again and again until `meanwhile` is done.
fn beside<T>(work: impl Fn(usize) + Sync, meanwhile: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..).take_while(|_| !over.load(Ordering::Relaxed)).for_each(&work));
        let done = meanwhile();
        over.store(true, Ordering::Relaxed);
        done
    })
}

fn collect(root: &Path) {
    succeed(nix("nix-store", root).args(["--gc", "--quiet"]));
}

#[test]
fn what_is_restored_stays_beside_the_collector_while_the_command_runs() {
    let store = closure(&(0..40).collect::<Vec<_>>());
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    for _ in 0..3 {
        let root = empty();
        let mut query = nix("nix-store", root.path());
        query.args(["--query", "--requisites", store.top()]);
        let folder = tempfile::tempdir().unwrap();
        let output = beside(
            |_| collect(root.path()),
            || {
                let mut command =
                    remote.command(&["run", "--key", "k", "--min-free", "1MB", "--save", "never"]);
                command
                    .arg("--store")
                    .arg(root.path())
                    .arg("--")
                    .arg(query.get_program())
                    .args(query.get_args());
                command.env("NIX_CONF_DIR", "/nonexistent").current_dir(folder.path()).output().unwrap()
            },
        );
        assert!(output.status.success(), "{}", said(&output));
        let mut printed: Vec<_> =
            String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        printed.sort();
        assert_eq!(printed, store.paths());
        verify(root.path()).unwrap();
        collect(root.path());
        assert!(!root.path().join(&store.top()[1..]).exists(), "nothing keeps it any longer");
    }
}

#[test]
fn a_save_beside_the_collector_holds_what_it_could_read() {
    for millis in [0, 20, 60] {
        let store = closure(&(0..40).collect::<Vec<_>>());
        let remote = Remote::folder();
        let output = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(millis));
                collect(store.root());
            });
            remote.output(store.root(), &["save", "--key", "k", "--all"])
        });
        assert!(output.status.success(), "{}", said(&output));
        let root = empty();
        remote.run(root.path(), &["restore", "--key", "k", "--min-free", "1MB", "--verify-nar"]);
        verify(root.path()).unwrap();
    }
}

#[test]
fn a_restore_beside_builds_and_they_beside_it() {
    let store = closure(&(0..40).collect::<Vec<_>>());
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    let root = empty();
    let folder = tempfile::tempdir().unwrap();
    let add = |number: usize| {
        let file = folder.path().join(format!("built-{number}"));
        std::fs::write(&file, number.to_string()).unwrap();
        succeed(nix("nix-store", root.path()).arg("--add").arg(file));
    };
    beside(add, || remote.restore(root.path()));
    assert_eq!(requisites(root.path(), store.top()), store.paths());
    verify(root.path()).unwrap();
}
