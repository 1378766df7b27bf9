//! What is restored beside the store.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::Arc;

use snowbank_client::observer::Observer;
use snowbank_client::restore::{Reason, RestoreError, RestoreTrees, RestoredTrees};
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::dump;
use tempfile::TempDir;

use crate::support::{Saved, Warnings, noise, save_trees};

/// A folder of files, a file, and a snapshot of both.
fn saved() -> (TempDir, Saved) {
    let folder = tempfile::tempdir().unwrap();
    let (cache, file) = (folder.path().join("cache"), folder.path().join("file"));
    fs::create_dir_all(cache.join("objects/pack")).unwrap();
    fs::write(cache.join("objects/pack/large"), noise(1, 60_000)).unwrap();
    fs::write(cache.join("HEAD"), "ref").unwrap();
    symlink("HEAD", cache.join("link")).unwrap();
    fs::write(&file, noise(2, 40_000)).unwrap();
    let saved = save_trees(&[("cache", &cache), ("file.sqlite", &file)], 30_000);
    (folder, saved)
}

async fn restore(
    saved: &Saved,
    folder: &Path,
    min_free: u64,
) -> (Result<RestoredTrees, RestoreError>, Vec<String>) {
    let warnings = Arc::new(Warnings::default());
    let observer: Arc<dyn Observer> = warnings.clone();
    let restore = RestoreTrees {
        snapshot: &saved.snapshot,
        wanted: &|name| name != "unwanted",
        folder,
        packs: &saved.packs,
        min_free,
        observer: &observer,
    };
    let report = restore.run().await;
    let said = warnings.0.lock().unwrap().clone();
    (report, said)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_come_back_and_may_be_written_to() {
    let (from, mut saved) = saved();
    let unwanted = saved.snapshot.trees["cache"].clone();
    saved.snapshot.trees.insert("unwanted".to_owned(), unwanted);
    let to = tempfile::tempdir().unwrap();
    let (report, said) = restore(&saved, to.path(), 0).await;
    assert_eq!((report.unwrap().restored.count, said), (2, Vec::new()));
    assert_eq!(names(to.path()), ["cache", "file.sqlite"]);
    for (was, is) in [("cache", "cache"), ("file", "file.sqlite")] {
        let nar = |path| dump(path, Vec::new()).unwrap();
        assert_eq!(nar(&from.path().join(was)), nar(&to.path().join(is)));
    }
    for file in ["cache", "cache/objects/pack", "cache/HEAD", "file.sqlite"] {
        assert!(fs::metadata(to.path().join(file)).unwrap().mode() & 0o200 > 0, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_stays_as_it_is() {
    let (_from, saved) = saved();
    let to = tempfile::tempdir().unwrap();
    fs::create_dir(to.path().join("cache")).unwrap();
    symlink("nowhere", to.path().join("file.sqlite")).unwrap();
    let report = restore(&saved, to.path(), u64::MAX / 2).await.0.unwrap();
    assert_eq!(report, RestoredTrees { found: 2, ..RestoredTrees::default() });
    assert_eq!(names(&to.path().join("cache")), [""; 0]);
    assert!(!to.path().join("file.sqlite").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_leaves_nothing_behind() {
    for lie in [false, true] {
        let (_from, mut saved) = saved();
        let to = tempfile::tempdir().unwrap();
        let tree = saved.snapshot.trees.get_mut("cache").unwrap();
        if lie {
            tree.nar_hash = NarHash::of(b"other");
        } else {
            let pack = &saved.snapshot.packs[tree.recipe.0[0].pack as usize];
            saved.packs.damage(pack, 10);
        }
        let (report, said) = restore(&saved, to.path(), 0).await;
        let report = report.unwrap();
        assert_eq!(report.missed["cache"].0, Reason::Damaged);
        assert_eq!(report.restored.count, 1);
        assert_eq!(names(to.path()), ["file.sqlite"]);
        assert_eq!(said.len(), 1, "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_of_lost_packs_or_without_room_are_not_begun() {
    let (_from, saved) = saved();
    let to = tempfile::tempdir().unwrap();
    let error = restore(&saved, to.path(), u64::MAX / 2).await.0.unwrap_err();
    assert!(matches!(error, RestoreError::Room { .. }), "{error}");
    saved.packs.objects.lock().unwrap().clear();
    let report = restore(&saved, to.path(), 0).await.0.unwrap();
    assert!(report.missed.values().all(|(reason, _)| *reason == Reason::Lost));
    assert_eq!((report.missed.len(), names(to.path()).len()), (2, 0));
}
