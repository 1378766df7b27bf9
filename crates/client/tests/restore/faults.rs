//! What is gone, damaged or down costs what needs it and nothing else.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use snowbank_client::restore::{Reason, Report};
use snowbank_nix::store_path::StorePath;

use crate::support::{Cause, Made, MemoryUpstream, Saved, Target, outage};

/// Restores, and sees to it that what is missing is what needs one of `lost`; the report.
async fn restored_without(made: &Made, saved: &Saved, lost: &[StorePath], reason: Reason) -> Report {
    let to = Target::new();
    let report = to.restore(saved).await.unwrap().report;
    assert_without(made, &to, &report, lost, reason);
    report
}

fn assert_without(made: &Made, to: &Target, report: &Report, lost: &[StorePath], reason: Reason) {
    for (path, info) in &made.infos {
        let miss = report.missed.get(path);
        if lost.contains(path) {
            assert_eq!(miss.map(|miss| miss.reason), Some(reason), "{path}");
        }
        let needs_lost = info.references.iter().any(|one| one != path && report.missed.contains_key(one));
        assert_eq!(miss.is_some(), needs_lost || lost.contains(path), "{path}: {miss:?}");
    }
    let valid = to.checked();
    assert_eq!(valid.len() + report.missed.len(), made.infos.len());
    assert!(valid.iter().all(|path| !report.missed.contains_key(path)));
    to.assert_tidy();
    let warnings = to.warnings.0.lock().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with(&format!("{} path", report.missed.len())), "{warnings:?}");
}

/// The paths that need the pack of this number.
fn needing(made: &Made, saved: &mut Saved, pack: u32) -> Vec<StorePath> {
    made.infos.keys().filter(|path| saved.packs_of(path).contains(&pack)).cloned().collect()
}

/// A pack of which `one` has frames.
fn pack_of_one(made: &Made, saved: &mut Saved) -> u32 {
    *saved.packs_of(&made.named("one")).last().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_pack_costs_the_paths_that_need_it_and_their_referrers() {
    let made = Made::small();
    let mut saved = made.save(15_000);
    let pack = pack_of_one(&made, &mut saved);
    let lost = needing(&made, &mut saved, pack);
    assert!(lost.len() < made.infos.len());
    saved.packs.objects.lock().unwrap().remove(&saved.snapshot.packs[pack as usize].hash);
    restored_without(&made, &saved, &lost, Reason::Lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_with_another_footer_or_length_is_lost() {
    let made = Made::small();
    for longer in [false, true] {
        let mut saved = made.save(15_000);
        let pack = pack_of_one(&made, &mut saved);
        let lost = needing(&made, &mut saved, pack);
        let pack = saved.snapshot.packs[pack as usize].clone();
        if longer {
            let mut objects = saved.packs.objects.lock().unwrap();
            let mut bytes = objects[&pack.hash].to_vec();
            bytes.push(0);
            objects.insert(pack.hash, bytes.into());
        } else {
            saved.packs.damage(&pack, pack.size as usize - 100);
        }
        restored_without(&made, &saved, &lost, Reason::Lost).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_goes_while_it_is_read_is_lost() {
    let made = Made::small();
    let mut saved = made.save(1 << 20);
    let footers = saved.snapshot.packs.len();
    saved.packs.fail(move |read, _| (read >= footers).then_some(Cause::Gone(404)));
    let lost = needing(&made, &mut saved, 0);
    restored_without(&made, &saved, &lost, Reason::Lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_address_is_looked_up_again() {
    let made = Made::small();
    let saved = made.save(1 << 20);
    saved.packs.fail(|read, _| (read == 1).then_some(Cause::Gone(403)));
    let to = Target::new();
    let report = to.restore(&saved).await.unwrap().report;
    assert!(report.missed.is_empty());
    assert_eq!(saved.packs.lookups.load(Ordering::Relaxed), 2);
    assert_eq!(to.checked().len(), made.infos.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_frame_costs_one_path_and_its_referrers() {
    let made = Made::small();
    let mut saved = made.save(1 << 20);
    // The last byte of the frames: they lie as the paths do, and the last path has frames of its own.
    let pack = saved.snapshot.packs[0].clone();
    saved.packs.damage(&pack, (pack.size - u64::from(pack.footer_len)) as usize - 1);
    let last = made.infos.keys().find(|path| {
        let recipe = saved.recipe(path);
        recipe.0.last().is_some_and(|run| u64::from(run.first + run.count) == frames(pack.footer_len))
    });
    let report = restored_without(&made, &saved, &[last.unwrap().clone()], Reason::Damaged).await;
    assert!(report.restored.count > 0);
}

fn frames(footer_len: u32) -> u64 {
    (u64::from(footer_len) - 44) / 72
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_damaged_on_the_way_is_fetched_again() {
    let made = Made::small();
    let saved = made.save(1 << 20);
    saved.packs.fail(|read, bytes| {
        if read == 1 {
            bytes.iter_mut().step_by(3000).for_each(|byte| *byte ^= 0x10);
        }
        None
    });
    let to = Target::new();
    let report = to.restore(&saved).await.unwrap().report;
    assert!(report.missed.is_empty(), "{:?}", report.missed);
    assert!(saved.packs.reads.load(Ordering::Relaxed) > 3);
    assert_eq!(to.checked().len(), made.infos.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_costs_what_is_in_packs() {
    let made = Made::small();
    for from in [0, 1, 3] {
        let mut saved = made.save(15_000);
        let mut to = Target::new();
        let t0 = made.named("t0");
        saved.leave_upstream(&t0);
        to.upstream = Arc::new(MemoryUpstream([(t0.clone(), made.nar(&t0))].into()));
        saved.packs.fail(move |read, _| (read >= from).then(outage));
        let report = to.restore(&saved).await.unwrap().report;
        assert!(to.checked().contains(&t0));
        assert!(report.missed.values().all(|miss| miss.reason == Reason::Outage), "{:?}", report.missed);
        assert_eq!(report.missed.len() + to.checked().len(), made.infos.len());
        to.assert_tidy();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_lacks_a_path_costs_its_referrers() {
    let made = Made::small();
    let mut saved = made.save(15_000);
    let (one, two) = (made.named("one"), made.named("two"));
    saved.leave_upstream(&one);
    saved.leave_upstream(&two);
    let mut to = Target::new();
    to.upstream = Arc::new(MemoryUpstream([(two.clone(), made.nar(&two))].into()));
    let report = to.restore(&saved).await.unwrap().report;
    assert_without(&made, &to, &report, &[one], Reason::Upstream);
    assert!(to.checked().contains(&two));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_sends_no_archive_costs_its_referrers() {
    let made = Made::small();
    let mut saved = made.save(15_000);
    let one = made.named("one");
    saved.leave_upstream(&one);
    let mut to = Target::new();
    let mut nar = made.nar(&one);
    nar.truncate(5000);
    nar.extend(b"garbage");
    to.upstream = Arc::new(MemoryUpstream([(one.clone(), nar)].into()));
    let report = to.restore(&saved).await.unwrap().report;
    assert_without(&made, &to, &report, &[one], Reason::Damaged);
}
