//! A restore that is killed, or met by another one, leaves a valid store.

use std::process::Stdio;
use std::time::Duration;

use snowbank_testkit::closure::{requisites, verify};

use crate::kit::{Remote, closure, empty};

#[test]
fn a_killed_restore_leaves_a_valid_store_and_the_next_one_goes_on() {
    let store = closure(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    let root = empty();
    for millis in [5, 20, 40, 60, 80, 120] {
        let mut command = remote.command(&["restore", "--key", "k", "--min-free", "1MB"]);
        command.arg("--store").arg(root.path()).stderr(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        verify(root.path()).unwrap();
    }
    remote.restore(root.path());
    assert_eq!(requisites(root.path(), store.top()), store.paths());
    verify(root.path()).unwrap();
}

#[test]
fn restores_at_once_into_one_store_share_the_work() {
    let store = closure(&[1, 2, 3, 4]);
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    let root = empty();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let restored = remote.restore(root.path());
                assert_eq!(restored["missed"].as_array().unwrap().len(), 0, "{restored}");
            });
        }
    });
    assert_eq!(requisites(root.path(), store.top()), store.paths());
    verify(root.path()).unwrap();
}

#[test]
fn ctrl_c_ends_a_restore_and_keeps_what_is_complete() {
    let store = closure(&(0..40).collect::<Vec<_>>());
    let remote = Remote::server();
    remote.save(store.root(), store.top());
    let root = empty();
    let mut command = remote.command(&["restore", "--key", "k", "--min-free", "1MB"]);
    command.arg("--store").arg(root.path()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(60));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let status = child.wait_with_output().unwrap().status;
    // It may have been done by then, or not have begun.
    let code = std::os::unix::process::ExitStatusExt::signal(&status)
        .map_or(status.code(), |signal| Some(128 + signal));
    assert!(matches!(code, Some(0 | 130)), "{status}");
    verify(root.path()).unwrap();
    remote.restore(root.path());
    assert_eq!(requisites(root.path(), store.top()), store.paths());
}
