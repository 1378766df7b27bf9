//! Sizes, retention, rates, and a disk that fills up.

use std::time::Duration;

use crate::archive::{Archive, noise};
use crate::server::{REPO, block_on, client, hasty, objects, snowbank, wait_until, wait_until_recoded};

#[test]
fn the_least_recently_used_goes_when_a_save_exceeds_the_size() {
    let server = hasty().env("SNOWBANK_LIMITS_SIZE", "3MB").start();
    let wire = client(&server);
    block_on(async {
        for key in ["a", "b", "c"] {
            wire.save(key, "v", &noise(u64::from(key.as_bytes()[0]), 900_000)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(
            wire.lookup(&["a"], "v").await.unwrap().is_some(),
            "a is used, so b is the least recently used"
        );
        wire.save("d", "v", &noise(1, 900_000)).await.unwrap();
    });
    let has = |key| block_on(wire.lookup(&[key], "v")).unwrap().is_some();
    wait_until("the eviction of b", || {
        let listed = server.run(&["cache", "list", "--json", "--server", server.url()]);
        !listed.contains("\"key\": \"b\"")
    });
    assert!(has("a") && has("c") && has("d"), "only b had to go");
}

#[test]
fn what_is_larger_than_the_limit_is_refused_with_both_numbers() {
    let server = snowbank().env("SNOWBANK_LIMITS_SIZE", "1MB").start();
    let wire = client(&server);
    let error = block_on(wire.save("k", "v", &noise(1, 1_500_000))).unwrap_err();
    assert!(error.text.contains("1500000") && error.text.contains("1MB"), "{error:?}");
    assert!(block_on(wire.lookup(&["k"], "v")).unwrap().is_none());
    assert!(block_on(wire.create("k", "v")).is_ok(), "the slot is free again");
}

#[test]
fn what_nobody_uses_goes_after_the_retention_time() {
    let server = hasty().env("SNOWBANK_LIMITS_RETENTION", "1s").start();
    let wire = client(&server);
    block_on(wire.save("k", "v", b"content")).unwrap();
    wait_until("the end of the retention time", || {
        server.run(&["cache", "list", "--server", server.url()]).is_empty()
    });
    assert!(block_on(wire.lookup(&["k"], "v")).unwrap().is_none());
}

#[test]
fn uploads_beyond_the_rate_are_told_to_wait() {
    let server = snowbank().env("SNOWBANK_LIMITS_UPLOADS_PER_MINUTE", "2").start();
    let wire = client(&server);
    block_on(async {
        wire.create("a", "v").await.unwrap();
        wire.create("b", "v").await.unwrap();
        assert_eq!(wire.create("c", "v").await.unwrap_err().status.unwrap(), 429);
    });
}

#[test]
fn a_full_disk_makes_room_by_what_the_going_of_entries_frees() {
    let server = hasty().env("SNOWBANK_MAX_DISK", "4MB").start();
    let wire = client(&server);
    let archives: Vec<Archive> = (0..4).map(|key| Archive::made(key, key, 16, 60_000)).collect();
    for (key, archive) in archives.iter().enumerate() {
        block_on(wire.save(&format!("k{key}"), "v", &archive.zst)).unwrap();
        // An upload and the packs of others are both on the disk until it is recoded, and the bound counts both.
        wait_until_recoded(&server);
    }
    wait_until("a disk under its bound", || {
        server.run(&["gc", "--grace", "0s"]);
        let sizes = objects(&server)
            .into_iter()
            .map(|name| std::fs::metadata(server.data().join("bucket").join(name)).map_or(0, |m| m.len()));
        sizes.sum::<u64>() <= 4_000_000
    });
    assert!(block_on(wire.lookup(&["k0"], "v")).unwrap().is_none(), "the oldest goes first");
    for (key, archive) in archives.iter().enumerate().skip(1) {
        let found = block_on(wire.restore(&[&format!("k{key}")], "v")).unwrap();
        let Some((_, bytes)) = found else {
            panic!("k{key} fits beside the newest\n{}", server.process().output())
        };
        assert!(archive.is_in(&bytes), "k{key} comes back");
    }
}

#[test]
fn a_disk_that_is_full_and_then_is_not_loses_nothing() {
    let Some(disk) = Tmpfs::mount("8m") else { return };
    let server = hasty().data(disk.path().join("data")).start();
    let wire = client(&server);
    block_on(wire.save("before", "v", &noise(1, 1_000_000))).unwrap();
    std::fs::write(disk.path().join("ballast"), noise(2, 4_000_000)).unwrap();
    let error = block_on(wire.save("full", "v", &noise(3, 6_000_000))).unwrap_err();
    assert!(error.text.contains("full"), "{error:?}");
    assert!(block_on(wire.restore(&["before"], "v")).unwrap().unwrap().1 == noise(1, 1_000_000));
    std::fs::remove_file(disk.path().join("ballast")).unwrap();
    block_on(wire.save("after", "v", &noise(4, 1_000_000))).unwrap();
    assert!(block_on(wire.restore(&["after"], "v")).unwrap().unwrap().1 == noise(4, 1_000_000));
    assert!(block_on(wire.lookup(&["full"], "v")).unwrap().is_none());
    server.run(&["cache", "delete", "--repo", REPO, "--all", "--yes", "--server", server.url()]);
    wait_until("an empty bucket", || {
        server.run(&["gc", "--grace", "0s"]);
        objects(&server).is_empty()
    });
}

/// A small disk of its own; only root may have one.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let option = format!("size={size}");
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &option, "tmpfs"])
            .arg(folder.path())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &std::path::Path {
        self.0.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
