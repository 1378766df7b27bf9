//! Too little room on the store's disk, on small file systems where this user may mount some.

use std::fs;
use std::path::Path;
use std::process::Command;

use snowbank_client::restore::{Reason, RestoreError, Stopped};
use snowbank_testkit::closure::{nix, succeed};

use crate::support::{Made, Saved, Target};

/// A file system of 64 MiB, unmounted on drop.
struct Mount(tempfile::TempDir);

impl Mount {
    /// None where this user may not mount.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "none"]).arg(folder.path());
        mount.output().is_ok_and(|done| done.status.success()).then(|| Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

/// Writes until only about `left` bytes are free, once some frames were read.
fn fill_meanwhile(saved: &Saved, mount: &Mount, left: u64) {
    let (footers, ballast) = (saved.snapshot.packs.len(), mount.path().join("ballast"));
    saved.packs.fail(move |read, _| {
        if read == footers + 4 {
            let stat = rustix::fs::statvfs(ballast.parent().unwrap()).unwrap();
            let free = stat.f_bavail * stat.f_frsize;
            // Where there is no room for it all, as much as there is.
            let _ = fs::write(&ballast, vec![1; free.saturating_sub(left) as usize]);
        }
        None
    });
}

/// Restores while the disk fills, sees to it that what is there is whole, and goes on with room again. Why the first
/// restore ended; nothing where no disk can be had.
async fn stopped_by(left: u64, min_free: u64) -> Option<Option<Stopped>> {
    let mount = Mount::new()?;
    let made = Made::many(30, 1_000_000);
    let saved = made.save(1 << 20);
    succeed(nix("nix-store", mount.path()).arg("--init"));
    let mut to = Target::at(mount.path());
    (to.options.min_free, to.options.lanes) = (min_free, 1);
    fill_meanwhile(&saved, &mount, left);
    let report = to.restore(&saved).await.unwrap().report;
    assert!(report.missed.values().all(|miss| miss.reason == Reason::Stopped), "{:?}", report.missed);
    assert_eq!(to.store().valid_paths().unwrap().len() as u64, report.restored.count);
    assert_eq!(report.restored.count + report.missed.len() as u64, made.infos.len() as u64);
    fs::remove_file(mount.path().join("ballast")).unwrap();
    to.assert_tidy();
    saved.packs.fail(|_, _| None);
    to.options.min_free = 0;
    assert!(to.restore(&saved).await.unwrap().report.missed.is_empty());
    assert_eq!(to.checked().len(), made.infos.len());
    Some(report.stopped)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_ends_before_less_is_free_than_should_be() {
    let Some(stopped) = stopped_by(9 << 20, 10 << 20).await else { return };
    assert!(matches!(stopped, Some(Stopped::Room { free }) if free < 10 << 20), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_a_restore_and_leaves_a_valid_store() {
    let Some(stopped) = stopped_by(0, 0).await else { return };
    assert!(matches!(stopped, Some(Stopped::Store(_))), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_not_begun() {
    let Some(mount) = Mount::new() else { return };
    let made = Made::many(3, 1_000_000);
    let saved = made.save(1 << 20);
    succeed(nix("nix-store", mount.path()).arg("--init"));
    let mut to = Target::at(mount.path());
    to.options.min_free = 63 << 20;
    let error = to.restore(&saved).await.err().unwrap();
    assert!(matches!(error, RestoreError::Room { needed, .. } if needed > 3_000_000), "{error}");
    to.assert_tidy();
}
