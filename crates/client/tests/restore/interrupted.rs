//! Restores that come to an early end.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use snowbank_client::restore::{Reason, Stopped};

use crate::support::{Made, Target};

/// The store that a test's child restores into.
const CHILD: &str = "SNOWBANK_TEST_RESTORE_INTO";

/// Restores all of it, and sees that the store is whole then.
async fn finish(made: &Made, to: &Target) {
    let saved = made.save(60_000);
    let before = to.checked().len() as u64;
    let report = to.restore(&saved).await.unwrap().report;
    assert!(report.missed.is_empty(), "{:?}", report.missed);
    assert_eq!(report.found.count, before);
    assert_eq!(to.checked().len(), made.infos.len());
}

#[test]
fn a_restore_that_is_dropped_leaves_a_valid_store() {
    let made = Made::many(30, 20_000);
    for steps in 0..12u32 {
        let to = Target::new();
        let saved = made.save(60_000);
        *saved.packs.pause.lock().unwrap() = Duration::from_millis(2);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let _ = tokio::time::timeout(Duration::from_millis(3) * steps, to.restore(&saved)).await;
        });
        // Waits for the threads that are still at it.
        drop(runtime);
        to.assert_tidy();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(finish(&made, &to));
        to.assert_tidy();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_cancelled_registers_what_is_complete() {
    let made = Made::many(30, 20_000);
    let saved = made.save(60_000);
    let to = Target::new();
    let cancel = Arc::clone(&to.cancel);
    let packs = saved.snapshot.packs.len();
    saved.packs.fail(move |read, _| {
        cancel.store(read > packs + 4, Ordering::Relaxed);
        None
    });
    let mut slow = to;
    slow.options.lanes = 1;
    let report = slow.restore(&saved).await.unwrap().report;
    assert_eq!(report.stopped, Some(Stopped::Cancelled));
    assert!(report.missed.values().all(|miss| miss.reason == Reason::Stopped));
    assert_eq!(slow.checked().len() as u64, report.restored.count);
    slow.assert_tidy();
    slow.cancel.store(false, Ordering::Relaxed);
    saved.packs.fail(|_, _| None);
    finish(&made, &slow).await;
}

#[test]
fn a_restore_that_is_killed_leaves_a_valid_store_and_the_next_goes_on() {
    let made = Made::many(30, 20_000);
    if let Ok(root) = std::env::var(CHILD) {
        restore_slowly(&made, std::path::Path::new(&root));
        return;
    }
    for wait in [0, 30, 60, 90, 120, 200] {
        let to = Target::new();
        let name = "interrupted::a_restore_that_is_killed_leaves_a_valid_store_and_the_next_goes_on";
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", name]).env(CHILD, to.root()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = child.spawn().unwrap();
        // It has begun when it holds locks or has files.
        let deadline = Instant::now() + Duration::from_secs(60);
        while to.files().is_empty() {
            assert!(Instant::now() < deadline, "the child does nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        to.checked();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(finish(&made, &to));
        to.assert_tidy();
    }
}

/// Restores in rounds of one path, so that much is registered on the way.
fn restore_slowly(made: &Made, root: &std::path::Path) {
    let saved = made.save(60_000);
    *saved.packs.pause.lock().unwrap() = Duration::from_millis(5);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for path in made.infos.keys() {
        let mut to = Target::at(root);
        to.roots = Some([path.clone()].into());
        to.cancel = Arc::new(AtomicBool::new(false));
        runtime.block_on(to.restore(&saved)).unwrap();
    }
}
