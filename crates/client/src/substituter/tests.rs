//! The cache over packs in memory.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use snowbank_actions::client::{ClientError, Ranged};
use snowbank_cas::frame::Encoder;
use snowbank_cas::id::{ChunkHash, ObjectHash};
use snowbank_cas::pack::PackBuilder;
use snowbank_nix::nar_info::NarInfo;
use snowbank_nix::store_path::StorePath;
use tower::ServiceExt;

use super::cache::Shared;
use super::*;
use crate::observer::Silence;
use crate::snapshot::samples::{info, name};
use crate::snapshot::{PackRef, Recipe, SavedPath, Source};

/// Packs, and which bytes of them were read.
#[derive(Default)]
struct Memory {
    packs: Mutex<HashMap<ObjectHash, Vec<u8>>>,
    reads: Mutex<Vec<Range<u64>>>,
}

impl PackSource for Memory {
    type At = ObjectHash;

    async fn locate(&self, pack: &PackRef) -> Result<Option<ObjectHash>, ClientError> {
        Ok(self.packs.lock().unwrap().contains_key(&pack.hash).then_some(pack.hash))
    }

    async fn read(&self, at: &ObjectHash, range: Range<u64>) -> Result<Ranged, ClientError> {
        self.reads.lock().unwrap().push(range.clone());
        let packs = self.packs.lock().unwrap();
        let Some(pack) = packs.get(at) else { return Err(ClientError::Usage("it has gone".into())) };
        let bytes = Bytes::copy_from_slice(&pack[range.start as usize..range.end as usize]);
        Ok(Ranged { bytes, total: pack.len() as u64 })
    }
}

/// The content of a path: chunks that do not shrink.
fn chunks(number: u32, count: u32) -> Vec<Vec<u8>> {
    let noise = |seed: u32| {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        })
    };
    (0..count).map(|at| noise(number * 1000 + at).take(200_000).collect()).collect()
}

/// A snapshot of paths with so many chunks each, every one in a pack of its own.
fn saved(paths: &[(u32, u32)]) -> (Snapshot, Arc<Memory>) {
    let (mut snapshot, memory) = (Snapshot::default(), Arc::new(Memory::default()));
    let mut encoder = Encoder::new(1).unwrap();
    for (&(number, count), at) in paths.iter().zip(0u32..) {
        let mut builder = PackBuilder::new(64 << 20);
        let mut recipe = Recipe::default();
        let chunks = chunks(number, count);
        let mut bytes = Vec::new();
        for (chunk, frame) in chunks.iter().zip(0u32..) {
            let stored = encoder.encode(chunk).unwrap();
            builder.push(ChunkHash::of(chunk), chunk.len() as u32, &stored).unwrap();
            bytes.extend(stored);
            recipe.push(at, frame);
        }
        let (_, footer, hash) = builder.finish();
        bytes.extend(&footer);
        snapshot.packs.push(PackRef {
            hash,
            size: bytes.len() as u64,
            footer_len: footer.len() as u32,
            footer_hash: ObjectHash::of(&footer),
            copy: 0,
        });
        memory.packs.lock().unwrap().insert(hash, bytes);
        let mut info = info(number, &[]);
        info.nar_size = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let source = Source::Packs(recipe);
        snapshot.paths.insert(info.path.clone(), SavedPath { info, source, unused: 0 });
    }
    (snapshot, memory)
}

/// A cache that is asked without a socket.
struct Asked {
    router: Router,
    memory: Arc<Memory>,
    usage: Usage,
    _substituter: Substituter<Memory>,
}

impl Asked {
    async fn open(snapshot: &Snapshot, memory: &Arc<Memory>) -> Self {
        let usage = Usage::default();
        let source = Arc::clone(memory);
        let substituter = Substituter::open(snapshot, source, usage.clone(), Arc::new(Silence)).await;
        let router = snowbank_binary_cache::routes(Arc::new(Shared(Arc::clone(&substituter.shelf))));
        Self { router, memory: Arc::clone(memory), usage, _substituter: substituter }
    }

    async fn get(&self, path: &str, range: &str) -> (StatusCode, Result<Bytes, axum::Error>) {
        let request = Request::get(path).header("range", range).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        (response.status(), to_bytes(response.into_body(), usize::MAX).await)
    }

    async fn info(&self, path: &StorePath) -> Option<NarInfo> {
        let (status, text) = self.get(&format!("/{}.narinfo", path.hash_part()), "").await;
        if status == StatusCode::NOT_FOUND {
            return None;
        }
        let text = String::from_utf8(text.unwrap().to_vec()).unwrap();
        Some(NarInfo::parse(&text, &Default::default()).unwrap())
    }

    /// The NAR of a path, unpacked.
    async fn nar(&self, number: u32) -> Result<Vec<u8>, StatusCode> {
        let info = self.info(&name(number)).await.ok_or(StatusCode::GONE)?;
        match self.get(&format!("/{}", info.url), "").await {
            (StatusCode::OK, bytes) => {
                let bytes = bytes.map_err(|_| StatusCode::PARTIAL_CONTENT)?;
                assert_eq!(Some(bytes.len() as u64), info.file_size);
                Ok(zstd::decode_all(&*bytes).unwrap())
            }
            (status, _) => Err(status),
        }
    }

    fn reads(&self) -> usize {
        self.memory.reads.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_path_comes_as_it_was_saved_and_is_noted() {
    let (snapshot, memory) = saved(&[(1, 3), (2, 60), (3, 1)]);
    let cache = Asked::open(&snapshot, &memory).await;
    for (number, count) in [(2, 60), (1, 3), (2, 60)] {
        assert!(cache.nar(number).await.unwrap() == chunks(number, count).concat(), "{number}");
    }
    assert_eq!(cache.usage.paths(), [name(2), name(1)]);
    assert_eq!(cache.info(&name(4)).await, None);
}

#[tokio::test]
async fn the_rest_of_a_nar_follows_on_its_beginning() {
    let (snapshot, memory) = saved(&[(1, 60)]);
    let cache = Asked::open(&snapshot, &memory).await;
    let url = format!("/{}", cache.info(&name(1)).await.unwrap().url);
    let whole = cache.get(&url, "").await.1.unwrap();
    for start in [1, 199_999, 5_000_000, whole.len() - 1] {
        let (status, rest) = cache.get(&url, &format!("bytes={start}-")).await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT);
        assert!(rest.unwrap() == whole[start..], "{start}");
    }
    let (_, part) = cache.get(&url, "bytes=4000000-4500000").await;
    assert!(part.unwrap() == whole[4_000_000..=4_500_000]);
}

#[tokio::test]
async fn what_lies_in_a_lost_pack_was_never_there() {
    let (snapshot, memory) = saved(&[(1, 2), (2, 2)]);
    memory.packs.lock().unwrap().remove(&snapshot.packs[0].hash);
    let cache = Asked::open(&snapshot, &memory).await;
    assert_eq!(cache.nar(1).await, Err(StatusCode::GONE));
    assert!(cache.nar(2).await.is_ok());
}

#[tokio::test]
async fn what_was_lost_or_damaged_since_is_not_found_before_any_of_it_is_sent() {
    let (snapshot, memory) = saved(&[(1, 2), (2, 2), (3, 60)]);
    let cache = Asked::open(&snapshot, &memory).await;
    memory.packs.lock().unwrap().remove(&snapshot.packs[0].hash);
    memory.packs.lock().unwrap().get_mut(&snapshot.packs[1].hash).unwrap()[300_000] ^= 1;
    memory.packs.lock().unwrap().get_mut(&snapshot.packs[2].hash).unwrap()[9_000_000] ^= 1;
    assert_eq!(cache.nar(1).await, Err(StatusCode::NOT_FOUND));
    assert_eq!(cache.nar(2).await, Err(StatusCode::NOT_FOUND));
    assert_eq!(cache.nar(3).await, Err(StatusCode::PARTIAL_CONTENT), "a large one breaks off");
}

#[tokio::test]
async fn what_was_used_last_time_is_there_when_it_is_asked_for() {
    let (mut snapshot, memory) = saved(&[(1, 3), (2, 3), (3, 3)]);
    snapshot.used = vec![name(3), name(1)];
    let cache = Asked::open(&snapshot, &memory).await;
    let footers = 3;
    while cache.reads() < footers + 2 {
        tokio::task::yield_now().await;
    }
    let begins = |at: usize| cache.memory.reads.lock().unwrap()[at].start;
    assert_eq!((begins(footers), begins(footers + 1)), (0, 0), "whole packs, from their beginning");
    assert!(cache.nar(3).await.unwrap() == chunks(3, 3).concat());
    assert!(cache.nar(1).await.unwrap() == chunks(1, 3).concat());
    assert_eq!(cache.reads(), footers + 2, "nothing more was read");
    assert!(cache.nar(2).await.is_ok());
    assert!(cache.nar(3).await.unwrap() == chunks(3, 3).concat(), "again, from the pack");
    assert_eq!(cache.reads(), footers + 4);
}

#[tokio::test]
async fn one_of_two_paths_with_the_same_nar_is_there_for_both() {
    let (mut snapshot, memory) = saved(&[(1, 3), (2, 3)]);
    let first = snapshot.paths[&name(1)].clone();
    let second = snapshot.paths.get_mut(&name(2)).unwrap();
    (second.info.nar_hash, second.source) = (first.info.nar_hash, first.source);
    snapshot.used = vec![name(1)];
    let cache = Asked::open(&snapshot, &memory).await;
    let footers = 2;
    while cache.reads() < footers + 1 {
        tokio::task::yield_now().await;
    }
    assert!(cache.nar(1).await.unwrap() == chunks(1, 3).concat());
    assert_eq!(cache.reads(), footers + 1, "nothing more was read");
}

#[tokio::test]
async fn it_is_served_under_its_secret_and_ends_when_it_is_told_to() {
    let (snapshot, memory) = saved(&[(1, 1)]);
    let substituter = Substituter::open(&snapshot, memory, Usage::default(), Arc::new(Silence)).await;
    assert_eq!(substituter.paths(), 1);
    let served = substituter.serve("secret").await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let get = |url: String| client.get(url).send();
    let about = get(format!("{}/nix-cache-info", served.url)).await.unwrap();
    assert!(about.text().await.unwrap().contains("StoreDir: /nix/store\n"));
    let elsewhere = served.url.replace("secret", "other");
    assert_eq!(get(format!("{elsewhere}/nix-cache-info")).await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(
        client.post(format!("{elsewhere}/stop")).send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    assert!(client.post(format!("{}/stop", served.url)).send().await.unwrap().status().is_success());
    let url = served.url.clone();
    served.ended().await;
    assert!(get(url).await.is_err());
}
