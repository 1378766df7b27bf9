//! What is restored is what was saved.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use snowbank_client::restore::Restored;
use snowbank_client::restore::writer::RootWriter;
use snowbank_nix::nar::dump;
use snowbank_nix::store::{Derivation, Realisation, RealisationId};
use snowbank_nix::store_path::StorePath;
use snowbank_testkit::closure::{nix, succeed};

use crate::support::{Made, MemoryUpstream, Target, noise};

fn keys(made: &Made) -> BTreeSet<StorePath> {
    made.infos.keys().cloned().collect()
}

/// That the store has all that was made, as it was.
fn assert_same(made: &Made, target: &Target) {
    assert_eq!(target.checked(), keys(made));
    for (path, info) in &made.infos {
        assert_eq!(target.store().path_info(path).unwrap().as_ref(), Some(info));
        let nar = dump(&target.place().file(path), Vec::new()).unwrap();
        assert!(nar == made.nar(path), "{path} has another content");
    }
    target.assert_tidy();
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    seed: u8,
    size: usize,
    executable: bool,
}

fn tree() -> impl Strategy<Value = Vec<File>> {
    let file = ("[a-zA-Z.+_-]{1,9}", 0..6u8, 0..30_000usize, any::<bool>())
        .prop_filter("no file's name", |(name, ..)| !name.trim_matches('.').is_empty())
        .prop_map(|(name, seed, size, executable)| File { name, seed, size, executable });
    prop::collection::vec(file, 0..8)
}

fn write(folder: &Path, files: &[File]) {
    use std::os::unix::fs::{PermissionsExt, symlink};
    fs::create_dir(folder).unwrap();
    for (at, file) in files.iter().enumerate() {
        let path = match at % 3 {
            0 => folder.join(&file.name),
            _ => folder.join(format!("d{at}")).join(&file.name),
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if at % 5 == 4 {
            symlink(&file.name, &path).unwrap();
            continue;
        }
        fs::write(&path, noise(file.seed, file.size)).unwrap();
        let mode = if file.executable { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20, ..ProptestConfig::with_cases(6) })]

    #[test]
    fn what_was_saved_comes_back(
        trees in prop::collection::vec(tree(), 1..6),
        target in 2000..200_000u64,
        lanes in 1..5usize,
        verify_nar in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let folders: Vec<_> = trees.iter().enumerate().map(|(at, files)| {
            let tree = folder.path().join(at.to_string());
            write(&tree, files);
            (format!("tree-{at}"), tree)
        }).collect();
        let named: Vec<_> = folders.iter().map(|(name, tree)| (name.clone(), &**tree)).collect();
        let mut made = Made::of(&named, 2);
        made.instantiate();
        let saved = made.save(target);
        let mut to = Target::new();
        (to.options.lanes, to.options.verify_nar) = (lanes, verify_nar);
        let report = run(to.restore(&saved)).unwrap().report;
        prop_assert_eq!(report.restored.count, made.infos.len() as u64);
        prop_assert_eq!(report.requests, (saved.packs.reads.load(Ordering::Relaxed) + saved.packs.lookups.load(Ordering::Relaxed)) as u64);
        prop_assert!(report.missed.is_empty());
        assert_same(&made, &to);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_not_asked_for() {
    let made = Made::small();
    let saved = made.save(20_000);
    let to = Target::new();
    to.restore(&saved).await.unwrap();
    let (reads, lookups) =
        (saved.packs.reads.load(Ordering::Relaxed), saved.packs.lookups.load(Ordering::Relaxed));
    let report = to.restore(&saved).await.unwrap().report;
    assert_eq!((report.found.count, report.restored.count, report.requests), (made.infos.len() as u64, 0, 0));
    assert_eq!(saved.packs.reads.load(Ordering::Relaxed), reads);
    assert_eq!(saved.packs.lookups.load(Ordering::Relaxed), lookups);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_closure_needs_only_its_own_packs() {
    let made = Made::small();
    let saved = made.save(10_000);
    let mut to = Target::new();
    let root = made.named("t1");
    to.roots = Some([root.clone()].into());
    let report = to.restore(&saved).await.unwrap().report;
    let closure: BTreeSet<_> = [root, made.named("t0"), made.named("one")].into();
    assert_eq!(to.checked(), closure);
    assert!(report.packs < saved.snapshot.packs.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_paths_share_are_fetched_in_few_requests() {
    let folder = tempfile::tempdir().unwrap();
    let trees: Vec<_> = (0..40)
        .map(|at| {
            let tree = folder.path().join(at.to_string());
            fs::create_dir(&tree).unwrap();
            fs::write(tree.join("shared"), noise(1, 100_000)).unwrap();
            fs::write(tree.join("own"), at.to_string()).unwrap();
            (format!("tree-{at}"), tree)
        })
        .collect();
    let named: Vec<_> = trees.iter().map(|(name, tree)| (name.clone(), &**tree)).collect();
    let made = Made::of(&named, 1);
    let saved = made.save(1 << 20);
    let mut to = Target::new();
    to.options.lanes = 1;
    let report = to.restore(&saved).await.unwrap().report;
    let stored: u64 = saved.snapshot.packs.iter().map(|pack| pack.size).sum();
    assert!(report.downloaded <= stored, "{} bytes of {stored}", report.downloaded);
    assert!(report.requests <= 3 * saved.snapshot.packs.len() as u64, "{} requests", report.requests);
    assert_same(&made, &to);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_tiny_files_in_one_directory_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for at in 0..10_000 {
        fs::write(tree.join(format!("{at}")), at.to_string()).unwrap();
    }
    let made = Made::of(&[("tiny".to_owned(), &tree)], 1);
    let to = Target::new();
    to.restore(&made.save(1 << 20)).await.unwrap();
    assert_same(&made, &to);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    // Of repeated blocks, so that the packs fit into the test's memory.
    let block = noise(1, 7_000_001);
    let mut content = Vec::new();
    for at in 0..45u8 {
        content.extend_from_slice(&block);
        content.extend_from_slice(&noise(at, 333));
    }
    fs::write(&file, content).unwrap();
    let made = Made::of(&[("large".to_owned(), &file)], 1);
    let to = Target::new();
    let report = to.restore(&made.save(4 << 20)).await.unwrap().report;
    assert!(report.restored.bytes > 300_000_000);
    assert_same(&made, &to);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upstream_has_comes_from_there() {
    let made = Made::small();
    let mut saved = made.save(20_000);
    let mut to = Target::new();
    let (one, t0) = (made.named("one"), made.named("t0"));
    saved.leave_upstream(&one);
    saved.leave_upstream(&t0);
    to.upstream = Arc::new(MemoryUpstream([&one, &t0].map(|path| (path.clone(), made.nar(path))).into()));
    let report = to.restore(&saved).await.unwrap().report;
    assert_eq!(report.upstream.count, 2);
    assert_eq!(report.received, (made.nar(&one).len() + made.nar(&t0).len()) as u64);
    assert_eq!(report.restored.count, made.infos.len() as u64 - 2);
    assert_same(&made, &to);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_restored_is_kept_from_the_collector_while_it_is_held() {
    let made = Made::small();
    let saved = made.save(20_000);
    let to = Target::new();
    let collect = || succeed(nix("nix-store", to.root()).arg("--gc"));
    let Restored { held, .. } = to.restore(&saved).await.unwrap();
    let held: Arc<RootWriter> = held;
    collect();
    assert_eq!(to.checked(), keys(&made));
    drop(held);
    // What is there already is held as well.
    let restored = to.restore(&saved).await.unwrap();
    collect();
    assert_eq!(to.checked(), keys(&made));
    drop(restored);
    collect();
    assert_eq!(to.checked(), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn realisations_come_back() {
    let made = Made::small();
    let mut saved = made.save(20_000);
    let folder = tempfile::tempdir().unwrap();
    let mut init = nix("nix-store", folder.path());
    succeed(init.args(["--option", "extra-experimental-features", "ca-derivations", "--init"]));
    let to = Target::in_folder(folder);
    let digest = snowbank_nix::hash::Digest::parse(&format!("sha256:{}", "1".repeat(64))).unwrap();
    let id = RealisationId { derivation: Derivation::Modulo(digest), output: "out".to_owned() };
    let realisation =
        Realisation { id, path: made.top.clone(), signatures: BTreeSet::new(), needs: BTreeSet::new() };
    saved.snapshot.realisations.push(realisation.clone());
    to.restore(&saved).await.unwrap();
    assert_eq!(to.store().realisations().unwrap(), [realisation]);
}
