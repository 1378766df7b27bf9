use futures::future::join_all;
use snowbank_oci::destination::{Destination as _, Mounted};
use snowbank_oci::digest::Digest;
use snowbank_testkit::registry::{Modes, Mount, StandIn};

use crate::repository;

const NAME: &str = "owner/image";

#[tokio::test]
async fn a_blob_is_there_with_its_size_or_is_not() {
    for no_head in [false, true] {
        let stand_in = StandIn::start(Modes { no_head, ..Modes::default() });
        let repository = repository(&stand_in.host());
        stand_in.add_blob(NAME, "hello");
        assert_eq!(repository.has(&Digest::of(b"hello")).await.unwrap(), Some(5));
        assert_eq!(repository.has(&Digest::of(b"other")).await.unwrap(), None);
        assert_eq!(stand_in.count("HEAD"), if no_head { 1 } else { 2 });
    }
}

#[tokio::test]
async fn many_may_be_asked_for_at_a_time() {
    let stand_in = StandIn::start(Modes::default());
    let repository = repository(&stand_in.host());
    let digests: Vec<_> = (0..64_u8).map(|byte| Digest::of(&[byte])).collect();
    for byte in 0..32 {
        stand_in.add_blob(NAME, vec![byte]);
    }
    let found = join_all(digests.iter().map(|digest| repository.has(digest))).await;
    assert_eq!(found.into_iter().filter(|found| matches!(found, Ok(Some(1)))).count(), 32);
    assert_eq!(repository.counts().requests, 64);
}

#[tokio::test]
async fn a_small_blob_is_read_and_a_larger_one_is_not() {
    let stand_in = StandIn::start(Modes::default());
    let repository = repository(&stand_in.host());
    stand_in.add_blob(NAME, "hello");
    let digest = Digest::of(b"hello");
    assert_eq!(repository.blob(&digest, 5).await.unwrap().unwrap(), "hello");
    assert!(repository.blob(&digest, 4).await.is_err());
    assert_eq!(repository.blob(&Digest::of(b""), 4).await.unwrap(), None);
}

#[tokio::test]
async fn a_blob_of_another_repository_is_taken_over() {
    let stand_in = StandIn::start(Modes::default());
    stand_in.add_blob("owner/other", "hello");
    let digest = Digest::of(b"hello");
    let repository = repository(&stand_in.host());
    assert_eq!(repository.mount(&digest, "owner/other").await.unwrap(), Mounted::Yes);
    assert_eq!(stand_in.blob(NAME, &digest.to_string()).unwrap(), "hello");
}

#[tokio::test]
async fn a_mount_that_is_refused_is_a_no_and_not_tried_again() {
    for status in [400, 401, 403, 404] {
        let stand_in = StandIn::start(Modes { mount: Mount::Refuses(status), ..Modes::default() });
        let repository = repository(&stand_in.host());
        for _ in 0..2 {
            assert_eq!(repository.mount(&Digest::of(b""), "owner/other").await.unwrap(), Mounted::No);
        }
        assert_eq!(stand_in.count("POST"), 1, "{status}");
    }
}

#[tokio::test]
async fn a_registry_that_mounts_nothing_is_asked_three_times() {
    let stand_in = StandIn::start(Modes { mount: Mount::Opens, ..Modes::default() });
    let repository = repository(&stand_in.host());
    for _ in 0..5 {
        assert_eq!(repository.mount(&Digest::of(b""), "owner/other").await.unwrap(), Mounted::No);
    }
    assert_eq!(stand_in.count("POST"), 3);
    repository.finish().await.unwrap();
    assert_eq!(stand_in.open_sessions(), 0);
}
