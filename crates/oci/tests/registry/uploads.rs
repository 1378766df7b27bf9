use std::time::Duration;

use snowbank_oci::destination::{Destination as _, Mounted};
use snowbank_oci::registry::{Access, RegistryOptions};
use snowbank_testkit::registry::{Cut, Location, Logged, Modes, StandIn};

use crate::pattern::Pattern;
use crate::{effort, registry, repository};

const NAME: &str = "owner/image";
const MIB: usize = 1 << 20;

/// Pushes a blob, and holds what the registry has to it.
async fn push(stand_in: &StandIn, blob: &Pattern) {
    let repository = repository(&stand_in.host());
    assert_eq!(repository.put(blob).await.unwrap(), (blob.digest(), blob.size()));
    check(stand_in, blob);
}

fn check(stand_in: &StandIn, blob: &Pattern) {
    let kept = stand_in.blob(NAME, &blob.digest().to_string()).unwrap();
    assert!(kept == blob.bytes(), "{} of {} bytes", kept.len(), blob.size());
    assert_eq!(stand_in.open_sessions(), 0);
}

fn methods(stand_in: &StandIn) -> Vec<String> {
    stand_in.log().into_iter().map(|logged| logged.method).collect()
}

fn of(stand_in: &StandIn, method: &str) -> Vec<Logged> {
    stand_in.log().into_iter().filter(|logged| logged.method == method).collect()
}

fn sent(stand_in: &StandIn) -> u64 {
    stand_in.log().iter().map(|logged| logged.bytes).sum()
}

#[tokio::test]
async fn a_small_known_blob_goes_as_one_body_of_known_length() {
    let stand_in = StandIn::start(Modes::default());
    push(&stand_in, &Pattern::known(1000)).await;
    assert_eq!(methods(&stand_in), ["POST", "PUT"]);
    assert!(of(&stand_in, "PUT")[0].sized);
    push(&stand_in, &Pattern::known(0)).await;
}

#[tokio::test]
async fn an_unknown_blob_is_streamed_in_one_body_without_a_range() {
    let stand_in = StandIn::start(Modes::default());
    let registry = registry(&stand_in.host(), RegistryOptions { effort: effort(), ..Default::default() });
    let repository = registry.repository(Access::Push, &[]);
    for size in [0, 1, 5 * MIB] {
        stand_in.clear_log();
        let (before, blob) = (registry.counts(), Pattern::new(size));
        repository.put(&blob).await.unwrap();
        check(&stand_in, &blob);
        assert_eq!(methods(&stand_in), ["POST", "PATCH", "PUT"]);
        let patch = &of(&stand_in, "PATCH")[0];
        assert!(!patch.sized && patch.range.is_none());
        assert_eq!(registry.counts().sent - before.sent, size as u64);
        assert_eq!(registry.counts().requests - before.requests, 3);
    }
}

#[tokio::test]
async fn locations_may_be_relative() {
    let stand_in = StandIn::start(Modes { location: Location::Relative, ..Modes::default() });
    push(&stand_in, &Pattern::new(1000)).await;
    push(&stand_in, &Pattern::known(1001)).await;
}

#[tokio::test]
async fn a_whole_body_that_a_proxy_refuses_goes_in_parts() {
    let stand_in = StandIn::start(Modes { most_body: Some(3 << 20), ..Modes::default() });
    push(&stand_in, &Pattern::new(10 * MIB)).await;
    assert!(of(&stand_in, "PATCH").iter().any(|logged| logged.status == 413));
    // What was learned holds for small ones, too.
    stand_in.change(|modes| modes.most_body = Some(300 << 10));
    push(&stand_in, &Pattern::known(MIB)).await;
}

#[tokio::test]
async fn a_limit_that_is_named_is_kept_to() {
    let modes =
        Modes { most_range: Some(4 << 20), cuts: vec![Cut { after: MIB, keeps: true }], ..Modes::default() };
    let stand_in = StandIn::start(modes);
    push(&stand_in, &Pattern::new(13 * MIB)).await;
    let patches = of(&stand_in, "PATCH");
    assert_eq!(patches.iter().filter(|logged| logged.status == 416).count(), 1);
    assert_eq!(patches.iter().filter(|logged| logged.bytes == 4 << 20 && logged.status == 202).count(), 3);
}

#[tokio::test]
async fn ranges_are_as_long_as_they_must_be() {
    let modes =
        Modes { least_range: Some(20 << 20), cuts: vec![Cut { after: 0, keeps: true }], ..Modes::default() };
    let stand_in = StandIn::start(modes);
    push(&stand_in, &Pattern::new(45 * MIB)).await;
    let sizes: Vec<_> = of(&stand_in, "PATCH")[1..].iter().map(|logged| logged.bytes >> 20).collect();
    assert_eq!(sizes, [20, 20, 5]);
}

#[tokio::test]
async fn after_a_cut_only_the_rest_is_sent() {
    let cut = Cut { after: 7 * MIB, keeps: true };
    let stand_in = StandIn::start(Modes { cuts: vec![cut], ..Modes::default() });
    let blob = Pattern::new(10 * MIB);
    push(&stand_in, &blob).await;
    assert_eq!(sent(&stand_in), blob.size());
    assert_eq!(
        of(&stand_in, "PATCH")[1].range.as_deref(),
        Some(format!("{}-{}", 7 * MIB, 10 * MIB - 1).as_str())
    );
}

#[tokio::test]
async fn after_a_cut_that_kept_nothing_all_is_sent() {
    let cut = Cut { after: 2 * MIB, keeps: false };
    let stand_in = StandIn::start(Modes { cuts: vec![cut], ..Modes::default() });
    push(&stand_in, &Pattern::new(3 * MIB)).await;
    assert_eq!(sent(&stand_in), 5 << 20);
    assert_eq!(stand_in.count("POST"), 1);
}

#[tokio::test]
async fn a_range_that_is_cut_goes_on_without_being_made_again() {
    let cuts = [0, 100_000, 200_000].map(|after| Cut { after, keeps: true }).to_vec();
    let stand_in = StandIn::start(Modes { cuts, ..Modes::default() });
    let blob = Pattern::new(2 * MIB);
    push(&stand_in, &blob).await;
    assert_eq!(sent(&stand_in), blob.size());
    assert_eq!(blob.opened.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_session_that_is_forgotten_is_begun_anew() {
    let stand_in = StandIn::start(Modes { forgets: 2, ..Modes::default() });
    push(&stand_in, &Pattern::new(1000)).await;
    assert_eq!(stand_in.count("POST"), 3);
}

#[tokio::test]
async fn where_ranges_are_refused_a_cut_blob_is_streamed_anew() {
    let cut = Cut { after: MIB, keeps: true };
    let stand_in = StandIn::start(Modes { cuts: vec![cut], no_ranges: true, ..Modes::default() });
    push(&stand_in, &Pattern::new(3 * MIB)).await;
    assert_eq!(stand_in.count("POST"), 2);
    stand_in.change(|modes| modes.cuts = vec![cut]);
    push(&stand_in, &Pattern::new(2 * MIB)).await;
}

#[tokio::test]
async fn a_close_whose_answer_is_lost_is_not_sent_twice() {
    for blob in [Pattern::known(1000), Pattern::new(1000)] {
        let stand_in = StandIn::start(Modes { silent_closes: 1, ..Modes::default() });
        push(&stand_in, &blob).await;
        assert_eq!(stand_in.count("PUT"), 1);
        assert_eq!(sent(&stand_in), blob.size());
    }
}

#[tokio::test]
async fn a_registry_that_is_busy_is_asked_again() {
    for modes in [Modes { busy: 2, ..Modes::default() }, Modes { unwell: 3, ..Modes::default() }] {
        let stand_in = StandIn::start(modes);
        push(&stand_in, &Pattern::new(1000)).await;
        stand_in.change(|modes| modes.busy = 1);
        push(&stand_in, &Pattern::known(1001)).await;
    }
}

#[tokio::test]
async fn a_registry_that_stays_busy_is_given_up() {
    let stand_in = StandIn::start(Modes { busy: 1000, ..Modes::default() });
    let error = repository(&stand_in.host()).put(&Pattern::new(1000)).await.unwrap_err();
    assert_eq!(stand_in.count("POST"), 4);
    assert!(error.to_string().starts_with("cannot push a blob to 127.0.0.1:"), "{error}");
    assert!(error.source.to_string().contains("429"), "{}", error.source);
}

#[tokio::test]
async fn a_registry_that_hangs_is_left_and_asked_how_far_it_got() {
    let stand_in = StandIn::start(Modes { hangs: 1, ..Modes::default() });
    let effort = snowbank_oci::registry::Effort { idle: Duration::from_millis(200), ..effort() };
    let repository = registry(&stand_in.host(), RegistryOptions { effort, ..Default::default() })
        .repository(Access::Push, &[]);
    let blob = Pattern::new(1000);
    repository.put(&blob).await.unwrap();
    check(&stand_in, &blob);
}

#[tokio::test]
async fn a_blob_that_breaks_is_given_up_at_once_and_its_session_ended() {
    let stand_in = StandIn::start(Modes::default());
    let blob = Pattern::breaking(3 * MIB, MIB);
    let error = repository(&stand_in.host()).put(&blob).await.unwrap_err();
    let cause = error.source.source().unwrap().to_string();
    assert_eq!(cause, "the disk is gone");
    assert_eq!(stand_in.count("POST"), 1);
    assert_eq!(stand_in.open_sessions(), 0);
    assert_eq!(stand_in.blobs(NAME), Vec::<String>::new());
}

#[tokio::test]
async fn a_registry_that_kept_another_blob_is_not_believed() {
    for blob in [Pattern::known(1000), Pattern::new(1000)] {
        let stand_in = StandIn::start(Modes { wrong_digest: true, ..Modes::default() });
        let error = repository(&stand_in.host()).put(&blob).await.unwrap_err();
        assert!(error.source.to_string().contains(&blob.digest().to_string()), "{}", error.source);
    }
}

#[tokio::test]
async fn a_session_that_a_mount_opened_is_used_or_ended() {
    let stand_in = StandIn::start(Modes::default());
    let repository = repository(&stand_in.host());
    let blob = Pattern::new(1000);
    for _ in 0..2 {
        assert_eq!(repository.mount(&blob.digest(), "owner/other").await.unwrap(), Mounted::No);
    }
    assert_eq!(stand_in.open_sessions(), 2);
    repository.put(&blob).await.unwrap();
    assert_eq!(stand_in.count("POST"), 2);
    repository.finish().await.unwrap();
    check(&stand_in, &blob);
}
