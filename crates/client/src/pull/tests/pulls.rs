//! Whole pulls, from a server that lies as it is told to, into a store in memory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use snowbank_binary_cache::bulk::{Planned as Message, WireInfo};
use snowbank_binary_cache::upstream::{UpstreamOptions, Upstreams};
use snowbank_cas::chunker::{Cutter, Layout, Params};
use snowbank_nix::content_address::{ContentAddress, Method};
use snowbank_nix::hash::{Algorithm, Digest, NarHash};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::signature::SecretKey;
use snowbank_nix::store::Place;
use snowbank_nix::store_path::{References, StoreDir, StorePath};

use super::server::{Server, last, record, row, stream};
use super::store::Memory;
use crate::observer::{Event, Observer, Silence, Stage};
use crate::pull::here::Here;
use crate::pull::{Fetch, Planned, PullError, Question, Report, Trust};
use crate::restore::{Options, Reason};
use crate::snapshot::samples;

/// The NAR of a file.
fn nar(content: &[u8]) -> Vec<u8> {
    let mut nar = Vec::new();
    for text in [b"nix-archive-1".as_slice(), b"(", b"type", b"regular", b"contents", content, b")"] {
        nar.extend_from_slice(&(text.len() as u64).to_le_bytes());
        nar.extend_from_slice(text);
        nar.resize(nar.len().next_multiple_of(8), 0);
    }
    nar
}

/// The NAR of a large file, cut as a server does it.
fn cut(content: &[u8]) -> Vec<Vec<u8>> {
    let whole = nar(content);
    let start = whole.windows(content.len()).position(|bytes| bytes == content).unwrap();
    let mut chunks = vec![whole[..start].to_vec()];
    let mut cutter = Cutter::new(Params::default(), Layout::Plain);
    cutter.push(content, &mut |chunk| chunks.push(chunk.to_vec())).unwrap();
    cutter.finish(&mut |chunk| chunks.push(chunk.to_vec())).unwrap();
    chunks.push(whole[start + content.len()..].to_vec());
    chunks
}

/// A server with these paths, each with its chunks.
struct Cache(Server, Vec<Message>);

impl Cache {
    fn new() -> Self {
        Self(Server::default(), Vec::new())
    }

    fn add(&mut self, mut info: PathInfo, chunks: &[Vec<u8>], key: Option<&SecretKey>) {
        let whole = chunks.concat();
        (info.nar_hash, info.nar_size) = (NarHash::of(&whole), whole.len() as u64);
        if let Some(key) = key {
            info.sign(&StoreDir::default(), key);
        }
        let row = row(chunks);
        let frames = row.iter().flat_map(|(entry, _)| record(entry)).collect();
        self.1.push(Message { info: Some(WireInfo::from(&info)), frames, ..Message::default() });
        let bytes = row.into_iter().flat_map(|(_, frame)| frame).collect();
        self.0.rows.insert(info.nar_hash.bytes().to_vec(), bytes);
    }

    /// What comes of asking it for path 1.
    async fn plan(mut self, trust: &Trust) -> Result<Planned, PullError> {
        self.1.push(last());
        self.0.closure = stream(&self.1);
        let site = self.0.start().await;
        let place = Place::below(Path::new("/nonexistent"));
        let roots = roots();
        let upstreams = &upstreams();
        Question { site: &site, roots: &roots, place: &place, trust, upstreams }.plan().await
    }
}

fn roots() -> BTreeSet<StorePath> {
    [samples::name(1)].into()
}

fn upstreams() -> Upstreams {
    Upstreams::new(Vec::new(), StoreDir::default(), UpstreamOptions::default()).unwrap()
}

async fn fetch(
    planned: &Planned,
    roots: &BTreeSet<StorePath>,
    observer: Arc<dyn Observer>,
) -> (Report, Arc<Memory>) {
    let writer = Arc::new(Memory::default());
    let options = Options { min_free: 0, lanes: 2, ..Options::default() };
    let (upstreams, cancel) = (Arc::new(upstreams()), Arc::default());
    let fetch = Fetch {
        planned,
        roots,
        writer: &writer,
        upstreams: &upstreams,
        options: &options,
        observer: &observer,
        cancel: &cancel,
    };
    (fetch.run().await.unwrap().report, writer)
}

#[tokio::test]
async fn references_that_go_round_or_lead_nowhere_are_refused() {
    for references in [&[2][..], &[3]] {
        let mut cache = Cache::new();
        cache.add(samples::info(1, &[2]), &[nar(b"x")], None);
        cache.add(samples::info(2, if references == [2] { &[1] } else { &[3] }), &[nar(b"y")], None);
        let error = cache.plan(&Trust::All).await.unwrap_err();
        assert!(matches!(error, PullError::Closure(_)), "{error}");
    }
}

#[tokio::test]
async fn every_path_must_be_signed_and_not_only_the_first() {
    let (key, other) = (SecretKey::generate("a-1").unwrap(), SecretKey::generate("b-1").unwrap());
    for (second, good) in [(Some(&key), true), (Some(&other), false), (None, false)] {
        let mut cache = Cache::new();
        cache.add(samples::info(1, &[2]), &[nar(b"x")], Some(&key));
        cache.add(samples::info(2, &[]), &[nar(b"y")], second);
        match cache.plan(&Trust::Keys(vec![key.public()])).await {
            Ok(planned) => assert!(good && planned.missing() == 2),
            Err(PullError::Unsigned(paths)) => assert!(!good && paths == [samples::name(2)]),
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_row_that_is_another_archive_is_not_written() {
    let key = SecretKey::generate("a-1").unwrap();
    let mut cache = Cache::new();
    cache.add(samples::info(1, &[]), &[nar(b"what was signed")], Some(&key));
    // As many bytes, each chunk with its right hash; only the archive's hash tells.
    let row = row(&[nar(b"what was forged")]);
    cache.1[0].frames = record(&row[0].0);
    cache.0.rows.values_mut().for_each(|bytes| *bytes = row[0].1.clone());
    let (_folder, planned) = within(cache.plan(&Trust::Keys(vec![key.public()])).await.unwrap());
    let (report, store) = fetch(&planned, &roots(), Arc::new(Silence)).await;
    assert_eq!(report.restore.missed[&samples::name(1)].reason, Reason::Damaged);
    assert!(store.valid.lock().unwrap().is_empty());
}

#[tokio::test]
async fn unsigned_content_must_have_the_address_that_it_is_said_to_have() {
    let address = |content: &[u8]| {
        use sha2::Digest as _;
        let hash: [u8; 32] = sha2::Sha256::digest(content).into();
        ContentAddress::new(Method::Text, Digest::new(Algorithm::Sha256, &hash).unwrap()).unwrap()
    };
    for (said, good) in [(b"genuine".as_slice(), true), (b"another", false)] {
        let ca = address(said);
        let path = StoreDir::default().content_path("text", &ca, References::NONE).unwrap();
        let mut cache = Cache::new();
        let info = PathInfo { path: path.clone(), ca: Some(ca), ..samples::info(1, &[]) };
        cache.add(info, &[nar(b"genuine")], None);
        let roots: BTreeSet<StorePath> = [path.clone()].into();
        cache.1.push(last());
        cache.0.closure = stream(&cache.1);
        let site = cache.0.start().await;
        let place = Place::below(Path::new("/nonexistent"));
        let trust = Trust::Keys(Vec::new());
        let question =
            Question { site: &site, roots: &roots, place: &place, trust: &trust, upstreams: &upstreams() };
        let planned = question.plan().await.unwrap();
        let (_folder, planned) = within(planned);
        let (report, store) = fetch(&planned, &roots, Arc::new(Silence)).await;
        assert_eq!(report.restore.missed.is_empty(), good, "{report:?}");
        assert_eq!(store.valid.lock().unwrap().contains_key(&path), good);
    }
}

/// Changes a file as soon as it has been looked into.
struct Spoiler(PathBuf);

impl Observer for Spoiler {
    fn tell(&self, event: Event) {
        if event == (Event::End { stage: Stage::Read }) {
            std::fs::write(&self.0, vec![0; 1_000_000]).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_file_that_changes_meanwhile_is_made_up_for_by_a_download() {
    let content = snowbank_testkit::noise::noise(1_000_000, 1);
    for spoilt in [false, true] {
        let mut cache = Cache::new();
        cache.add(samples::info(1, &[]), &cut(&content), None);
        let planned = cache.plan(&Trust::All).await.unwrap();
        let (folder, planned) = within(planned);
        // Another path of the same name is there.
        let other = samples::name(7);
        let file = planned.place.file(&other);
        std::fs::write(&file, &content[..]).unwrap();
        let planned = Planned { here: Here::of(vec![other]), ..planned };
        let observer: Arc<dyn Observer> = if spoilt { Arc::new(Spoiler(file)) } else { Arc::new(Silence) };
        let (report, store) = fetch(&planned, &roots(), observer).await;
        assert!(report.restore.missed.is_empty(), "{report:?}");
        assert!(store.valid.lock().unwrap()[&samples::name(1)] == nar(&content));
        assert_eq!(report.downloaded > 900_000, spoilt, "{report:?}");
        assert!(report.local > 900_000, "{report:?}");
        drop(folder);
    }
}

/// The same for a store that has a folder, which room is looked for in.
fn within(planned: Planned) -> (tempfile::TempDir, Planned) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("nix/store")).unwrap();
    let place = Place::below(folder.path());
    (folder, Planned { place, ..planned })
}
