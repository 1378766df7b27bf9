//! Others at the same store.

use std::sync::Arc;
use std::time::Duration;

use snowbank_client::restore::Reason;
use snowbank_nix::nar::restore;
use snowbank_nix::store::StoreWriter;

use crate::support::{Made, Target};

#[tokio::test(flavor = "multi_thread")]
async fn two_restores_at_once_complete_each_other() {
    let made = Made::many(40, 20_000);
    let (one, two) = (made.save(100_000), made.save(50_000));
    for packs in [&one.packs, &two.packs] {
        *packs.pause.lock().unwrap() = Duration::from_millis(3);
    }
    let to = Target::new();
    let (first, second) = tokio::join!(to.restore(&one), to.restore(&two));
    let (first, second) = (first.unwrap().report, second.unwrap().report);
    let all = made.infos.len() as u64;
    for report in [&first, &second] {
        assert!(report.missed.is_empty(), "{:?}", report.missed);
        assert_eq!(report.found.count + report.restored.count + report.others.count, all);
    }
    assert!(first.restored.count + second.restored.count >= all);
    assert_eq!(to.checked().len() as u64, all);
    to.assert_tidy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_somebody_else_makes_holds_up_only_its_referrers() {
    let made = Made::small();
    let saved = made.save(20_000);
    let to = Arc::new(Target::new());
    let busy = made.named("one");
    let mut writer = StoreWriter::open(to.place()).unwrap();
    let claim = writer.claim(&[busy.clone()].into()).unwrap().pop().unwrap();
    let restoring = tokio::spawn({
        let to = Arc::clone(&to);
        async move { to.restore(&saved).await.unwrap().report }
    });
    // What does not need it is registered meanwhile.
    let two = made.named("two");
    while !to.store().is_valid(&two).unwrap() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!restoring.is_finished());
    restore(made.nar(&busy).as_slice(), claim.file()).unwrap();
    writer.register(&[(claim, made.infos[&busy].clone())], 1).unwrap();
    let report = restoring.await.unwrap();
    assert_eq!((report.others.count, report.restored.count), (1, made.infos.len() as u64 - 1));
    assert_eq!(to.checked().len(), made.infos.len());
    to.assert_tidy();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_gave_up_is_restored() {
    let made = Made::small();
    let saved = made.save(20_000);
    let to = Arc::new(Target::new());
    let mut writer = StoreWriter::open(to.place()).unwrap();
    let claims = writer.claim(&[made.named("one"), made.named("t0")].into()).unwrap();
    let restoring = tokio::spawn({
        let to = Arc::clone(&to);
        async move { to.restore(&saved).await.unwrap().report }
    });
    let two = made.named("two");
    while !to.store().is_valid(&two).unwrap() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    std::fs::write(claims[0].file(), "half").unwrap();
    drop(claims);
    let report = restoring.await.unwrap();
    assert_eq!(report.restored.count, made.infos.len() as u64);
    to.assert_tidy();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_get_done_is_not_waited_for_forever() {
    let made = Made::small();
    let saved = made.save(20_000);
    let mut to = Target::new();
    to.options.patience = Duration::from_millis(300);
    let busy = made.named("one");
    let mut writer = StoreWriter::open(to.place()).unwrap();
    let claims = writer.claim(&[busy.clone()].into()).unwrap();
    let report = to.restore(&saved).await.unwrap().report;
    assert_eq!(report.missed[&busy].reason, Reason::Busy);
    assert_eq!(report.missed[&made.top].through, Some(busy));
    drop(claims);
    assert_eq!(to.checked().len() + report.missed.len(), made.infos.len());
    to.assert_tidy();
}
