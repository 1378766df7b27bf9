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
