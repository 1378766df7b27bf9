//! Records as they are kept, and servers that tell what they were not asked for.

use std::collections::HashSet;

use axum::Router;
use axum::routing::post;
use proptest::prelude::*;
use prost::Message as _;
use snowbank_binary_cache::bulk::{Layers, WireLayer};
use snowbank_oci::compression::Compression;
use snowbank_oci::digest::Digest;
use tokio::net::TcpListener;

use super::*;
use crate::series::Entry as _;
use crate::site::{Effort, Site};

fn key(number: u16) -> LayerKey {
    LayerKey::from_bytes(*Digest::of(&number.to_le_bytes()).bytes())
}

fn record(number: u16) -> LayerRecord {
    LayerRecord {
        diff_id: Digest::of(&number.to_be_bytes()),
        diff_size: Some(u64::from(number) * 3 + 1),
        digest: Digest::of(b"blob"),
        size: u64::from(number) + 1,
        compression: if number.is_multiple_of(2) { Compression::Zstd } else { Compression::Gzip },
    }
}

fn pair(number: u16) -> (LayerKey, LayerRecord) {
    (key(number), record(number))
}

proptest! {
    #[test]
    fn records_come_back(numbers in prop::collection::vec(any::<u16>(), 0..50)) {
        let kept = Kept::default().with(numbers.iter().map(|&number| pair(number)));
        let again = Kept::decode(&kept.encode()).unwrap();
        prop_assert_eq!(&again, &kept);
        prop_assert_eq!(again.all(), numbers.into_iter().map(pair).collect());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Kept::decode(&bytes);
        let hash = *blake3::hash(&bytes).as_bytes();
        let _ = Kept::decode(&[b"SNOWLAYR", &1_u32.to_le_bytes()[..], &hash, &bytes].concat());
    }

    #[test]
    fn a_changed_byte_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = Kept::default().with([pair(1), pair(2)]).encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(Kept::decode(&bytes).is_err());
    }
}

#[test]
fn the_longest_unused_go_when_there_are_too_many() {
    let kept = Kept::default().with((0..4096).map(pair));
    let kept = kept.using(&HashSet::from([key(0), key(7)])).with([pair(5000), pair(5001), pair(1)]);
    let all = kept.all();
    assert_eq!(all.len(), 4096);
    for number in [0, 7, 1, 5000, 5001, 4] {
        assert_eq!(all.get(&key(number)), Some(&record(number)), "{number}");
    }
    assert!(!all.contains_key(&key(2)) && !all.contains_key(&key(3)));
    let bytes = kept.encode();
    assert!((bytes.len() as u64) < Kept::MOST);
    assert_eq!(Kept::decode(&bytes).unwrap(), kept);
}

#[test]
fn of_two_jobs_records_the_later_count() {
    let newer = LayerRecord { size: 99, ..record(1) };
    let ours = Kept::default().with([(key(1), newer), pair(2)]);
    let all = ours.unite(&Kept::default().with([pair(1), pair(3)])).all();
    assert_eq!(all, HashMap::from([(key(1), newer), pair(2), pair(3)]));
}

async fn site(layers: Vec<WireLayer>) -> CacheRecords {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let place = format!("http://{}/nix/team", listener.local_addr().unwrap()).parse().unwrap();
    let answer = Layers { layers }.encode_to_vec();
    let router = Router::new().route("/api/v1/nix/team/layers/known", post(move || async move { answer }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let effort = Effort { attempts: 1, wait: std::time::Duration::from_secs(5) };
    CacheRecords { site: Site::new(place, None, "test", effort).unwrap() }
}

#[tokio::test]
async fn what_was_not_asked_for_is_left_and_what_cannot_be_refused() {
    let layer = |number| WireLayer::from(&told::told(&key(number), &record(number)));
    let records = site(vec![layer(1), layer(2), layer(1)]).await;
    assert_eq!(records.known(&[key(1), key(3)]).await.unwrap(), HashMap::from([pair(1)]));
    let records = site(vec![layer(1), WireLayer { digest: vec![1], ..layer(2) }]).await;
    let error = records.known(&[key(1)]).await.unwrap_err();
    assert!(error.to_string().contains("made anew"), "{error}");
    let records = site(Vec::new()).await;
    records.add(&[pair(1)]).await.unwrap_err();
    records.add(&[]).await.unwrap();
}
