//! Snapshots that lie.

use std::sync::atomic::Ordering;

use snowbank_client::restore::{Reason, RestoreError};
use snowbank_client::snapshot::{Recipe, Run};
use snowbank_nix::hash::NarHash;
use snowbank_nix::store_path::{StoreDir, StorePath};

use crate::support::{Made, Saved, Target};

/// That of the snapshot nothing is restored but what does not need `path`, for this reason.
async fn assert_missed(made: &Made, saved: &Saved, to: &Target, path: &StorePath, reason: Reason) {
    let report = to.restore(saved).await.unwrap().report;
    let miss = &report.missed[path];
    assert_eq!((miss.reason, &miss.through), (reason, &None), "{miss}");
    for (other, miss) in &report.missed {
        assert!(other == path || miss.through.as_ref() == Some(path), "{other}: {miss}");
    }
    assert_eq!(to.checked().len() + report.missed.len(), made.infos.len());
    to.assert_tidy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_that_cannot_be_is_refused_before_anything_is_written() {
    let made = Made::small();
    let one = made.named("one");
    let changes: [&dyn Fn(&mut Recipe); 6] = [
        &|recipe| recipe.0[0].first = u32::MAX,
        &|recipe| recipe.0[0].count = 4000,
        &|recipe| recipe.0[0].pack = 77,
        &|recipe| recipe.0.push(Run { pack: 0, first: 0, count: 1 }),
        &|recipe| recipe.0.clear(),
        &|recipe| recipe.0[0].count -= 1,
    ];
    for change in changes {
        let mut saved = made.save(1 << 20);
        change(saved.recipe(&one));
        assert_missed(&made, &saved, &Target::new(), &one, Reason::Recipe).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_in_another_order_are_no_archive() {
    let made = Made::small();
    let one = made.named("one");
    let mut saved = made.save(1 << 20);
    let mut frames: Vec<_> = saved.recipe(&one).frames().collect();
    frames.reverse();
    let mut recipe = Recipe::default();
    frames.into_iter().for_each(|(pack, frame)| recipe.push(pack, frame));
    *saved.recipe(&one) = recipe;
    assert_missed(&made, &saved, &Target::new(), &one, Reason::Damaged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_hash_is_noticed_where_hashes_are_checked() {
    let made = Made::small();
    let mut saved = made.save(1 << 20);
    let one = made.named("one");
    let saved_path = saved.snapshot.paths.get_mut(&one).unwrap();
    saved_path.info.nar_hash = NarHash::of(b"other");
    let mut to = Target::new();
    to.options.verify_nar = true;
    assert_missed(&made, &saved, &to, &one, Reason::Damaged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_does_not_follow_from_its_content_address_is_refused() {
    let made = Made::small();
    let mut saved = made.save(1 << 20);
    let (one, other) = (made.named("one"), made.infos[&made.named("two")].ca);
    saved.snapshot.paths.get_mut(&one).unwrap().info.ca = other;
    assert_missed(&made, &saved, &Target::new(), &one, Reason::Recipe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_cannot_be_registered_is_in_nobody_s_way() {
    let mut made = Made::small();
    let derivation = made.instantiate();
    let mut saved = made.save(1 << 20);
    // A text where a derivation should be; nothing binds the path to its content once the address is gone.
    let text = saved.snapshot.paths[&made.named("t0")].clone();
    let bad = saved.snapshot.paths.get_mut(&derivation).unwrap();
    bad.info.ca = None;
    (bad.info.nar_hash, bad.info.nar_size) = (text.info.nar_hash, text.info.nar_size);
    bad.source = text.source;
    assert_missed(&made, &saved, &Target::new(), &derivation, Reason::Refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_that_lead_nowhere_are_an_error() {
    let made = Made::small();
    let mut saved = made.save(1 << 20);
    saved.snapshot.paths.remove(&made.named("one"));
    let to = Target::new();
    let error = to.restore(&saved).await.err().unwrap();
    assert!(matches!(error, RestoreError::Closure(_)), "{error}");
    assert_eq!(to.checked().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_was_not_saved_is_told_of() {
    let made = Made::small();
    let saved = made.save(1 << 20);
    let mut to = Target::new();
    let absent: StorePath = "00000000000000000000000000000000-absent".parse().unwrap();
    to.roots = Some([absent.clone(), made.named("t0")].into());
    let report = to.restore(&saved).await.unwrap().report;
    assert_eq!(report.missed[&absent].reason, Reason::Absent);
    assert_eq!(to.checked(), [made.named("t0")].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_store_is_an_error() {
    let made = Made::small();
    let mut saved = made.save(1 << 20);
    saved.snapshot.dir = StoreDir::new("/elsewhere/store").unwrap();
    let error = Target::new().restore(&saved).await.err().unwrap();
    assert!(matches!(error, RestoreError::OtherStore { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_that_no_disk_has_are_refused_before_anything_is_written() {
    let made = Made::small();
    let saved = made.save(1 << 20);
    let mut to = Target::new();
    to.options.min_free = u64::MAX / 2;
    let error = to.restore(&saved).await.err().unwrap();
    assert!(matches!(error, RestoreError::Room { .. }), "{error}");
    assert!(error.to_string().contains("--min-free"), "{error}");
    assert_eq!(saved.packs.reads.load(Ordering::Relaxed), saved.snapshot.packs.len());
    to.assert_tidy();
}
