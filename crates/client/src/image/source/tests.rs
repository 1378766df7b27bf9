//! Trees of paths that are on no disk, from a server that lies as it is told to, packs in memory, and a folder that is an
//! upstream cache.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use bytes::Bytes;
use snowbank_actions::client::{ClientError, Ranged};
use snowbank_binary_cache::bulk::{Planned as Message, WireInfo};
use snowbank_binary_cache::upstream::{Upstream, UpstreamOptions};
use snowbank_cas::id::ObjectHash;
use snowbank_cas::pack::PackBuilder;
use snowbank_nix::content_address::{ContentAddress, Method};
use snowbank_nix::hash::{Algorithm, Digest, NarHash};
use snowbank_nix::nar::Writer;
use snowbank_nix::nar_info::{Compression, NarInfo};
use snowbank_nix::signature::SecretKey;
use snowbank_nix::store_path::{References, StoreDir};
use snowbank_oci::tree::{Tree, TreeError};
use snowbank_testkit::noise::noise;

use super::*;
use crate::observer::Silence;
use crate::pull::tests::server::{Server, last, record, row, stream};
use crate::pull::{PullError, Trust};
use crate::restore::PackSource;
use crate::snapshot::samples::{info, name};
use crate::snapshot::{PackRef, Recipe, SavedPath, Snapshot, Source};
use crate::text::chain;

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

fn chunks(nar: &[u8]) -> Vec<Vec<u8>> {
    nar.chunks(200_000).map(<[u8]>::to_vec).collect()
}

fn told(info: &PathInfo, nar: &[u8]) -> PathInfo {
    PathInfo { nar_hash: NarHash::of(nar), nar_size: nar.len() as u64, ..info.clone() }
}

fn upstreams(list: Vec<Upstream>) -> Upstreams {
    Upstreams::new(list, StoreDir::default(), UpstreamOptions::default()).unwrap()
}

fn means(list: Vec<Upstream>) -> Means {
    Means { upstreams: Arc::new(upstreams(list)), observer: Arc::new(Silence) }
}

/// The NAR that a path's tree comes to, read where threads may wait.
async fn read(source: &ImageSource, path: StorePath) -> Result<Vec<u8>, TreeError> {
    let trees = source.trees();
    spawn_blocking(move || whole(&mut *trees.open(&path)?)).await.unwrap()
}

fn whole(tree: &mut dyn Tree) -> Result<Vec<u8>, TreeError> {
    let mut nar = Vec::new();
    let mut writer = Writer::new(&mut nar).unwrap();
    while let Some(event) = tree.next_event()? {
        writer.event(&event).unwrap();
    }
    assert!(tree.next_event().unwrap().is_none(), "an end stays one");
    writer.finish().unwrap();
    Ok(nar)
}

/// A cache of a server.
#[derive(Default)]
struct Cache {
    server: Server,
    messages: Vec<Message>,
    elsewhere: Vec<String>,
}

impl Cache {
    fn add(&mut self, info: &PathInfo, nar: &[u8]) {
        let row = row(&chunks(nar));
        let frames = row.iter().flat_map(|(entry, _)| record(entry)).collect();
        self.server
            .rows
            .insert(info.nar_hash.bytes().to_vec(), row.into_iter().flat_map(|(_, frame)| frame).collect());
        self.messages.push(Message { info: Some(WireInfo::from(info)), frames, ..Message::default() });
    }

    async fn open(self, trust: Trust, list: Vec<Upstream>) -> Result<ImageSource, SourceError> {
        let Self { mut server, mut messages, elsewhere } = self;
        messages.push(Message { elsewhere, ..last() });
        server.closure = stream(&messages);
        let (site, dir) = (server.start().await, StoreDir::default());
        let from = FromCache { site, dir, trust, elsewhere: upstreams(list.clone()), means: means(list) };
        ImageSource::open_cache(from, &[name(1)]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_of_a_cache_is_read_without_a_store() {
    let (large, small) = (nar(&noise(25 << 20, 1)), nar(b"small"));
    let mut cache = Cache::default();
    cache.add(&told(&info(1, &[1, 2]), &large), &large);
    cache.add(&told(&info(2, &[]), &small), &small);
    let asked = Arc::clone(&cache.server.asked);
    let source = cache.open(Trust::All, vec![]).await.unwrap();
    assert_eq!(source.closure().len(), 2);
    assert_eq!(source.closure().get(&name(1)).unwrap().nar_hash, NarHash::of(&large));
    assert_eq!(asked.lock().unwrap().len(), 0, "nothing is fetched before it is read");
    // At once, over the same connections.
    let (one, two, again) =
        tokio::join!(read(&source, name(1)), read(&source, name(2)), read(&source, name(1)));
    assert!(one.unwrap() == large && two.unwrap() == small && again.unwrap() == large);
    let pieces = asked
        .lock()
        .unwrap()
        .iter()
        .map(|rows| rows.pieces.iter().map(|piece| piece.end - piece.start).sum())
        .max();
    assert!(pieces < Some(8_u64 << 20), "{pieces:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_nobody_reads_on_ends() {
    let large = nar(&noise(60 << 20, 1));
    let mut cache = Cache::default();
    cache.add(&told(&info(1, &[]), &large), &large);
    let asked = Arc::clone(&cache.server.asked);
    let trees = cache.open(Trust::All, vec![]).await.unwrap().trees();
    let open = move || {
        let mut tree = trees.open(&name(1)).unwrap();
        tree.next_event().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
    };
    spawn_blocking(open).await.unwrap();
    assert!(asked.lock().unwrap().len() <= 3, "one window is read, one waits, one is fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_ends_a_tree_before_its_end() {
    let content = nar(&noise(900_000, 1));
    let told = told(&info(1, &[]), &content);
    let hash = told.nar_hash.bytes().to_vec();
    let open = async |damage: &dyn Fn(&mut Cache)| {
        let mut cache = Cache::default();
        cache.add(&told, &content);
        damage(&mut cache);
        cache.open(Trust::All, vec![]).await.unwrap()
    };
    // A frame that is not what it was.
    let source = open(&|cache| cache.server.rows.get_mut(&hash).unwrap()[500_000] ^= 1).await;
    let error = chain(&read(&source, name(1)).await.unwrap_err());
    assert!(error.contains("cannot read") && error.contains("damaged"), "{error}");
    // Rows that the server does not have any more.
    let source = open(&|cache| drop(cache.server.rows.remove(&hash))).await;
    let error = chain(&read(&source, name(1)).await.unwrap_err());
    assert!(error.contains("not there any more"), "{error}");
    // Rows that end early.
    let source = open(&|cache| cache.server.rows.get_mut(&hash).unwrap().truncate(500_000)).await;
    read(&source, name(1)).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nar_that_is_not_what_its_info_says_fails_at_its_end() {
    let (said, content) = (nar(b"what was signed"), nar(b"something other"));
    let key = SecretKey::generate("key-1").unwrap();
    let mut told = told(&info(1, &[]), &said);
    told.sign(&StoreDir::default(), &key);
    let mut cache = Cache::default();
    cache.add(&told, &content);
    let source = cache.open(Trust::Keys(vec![key.public()]), vec![]).await.unwrap();
    let error = chain(&read(&source, name(1)).await.unwrap_err());
    assert!(error.contains("and the hash"), "{error}");
}

#[tokio::test]
async fn what_nobody_has_signed_is_not_believed() {
    let content = nar(b"x");
    let mut cache = Cache::default();
    cache.add(&told(&info(1, &[]), &content), &content);
    let Err(error) = cache.open(Trust::Keys(vec![]), vec![]).await else { panic!() };
    assert!(matches!(error, SourceError::Cache(PullError::Unsigned(_))), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_content_must_have_its_address() {
    for (said, good) in [(&b"content"[..], true), (b"another", false)] {
        let digest =
            Digest::new(Algorithm::Sha256, &<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(said)));
        let ca = ContentAddress::new(Method::Flat, digest.unwrap()).unwrap();
        let path = StoreDir::default().content_path("x", &ca, References::NONE).unwrap();
        let content = nar(b"content");
        let mut cache = Cache::default();
        cache.add(&told(&PathInfo { path: path.clone(), ca: Some(ca), ..info(1, &[]) }, &content), &content);
        cache.add(&told(&info(1, &[]), &content), &content);
        let key = SecretKey::generate("key-1").unwrap();
        let signed = &mut cache.messages[1].info;
        let mut info: PathInfo = signed.take().unwrap().try_into().unwrap();
        info.sign(&StoreDir::default(), &key);
        *signed = Some(WireInfo::from(&info));
        let source = cache.open(Trust::Keys(vec![key.public()]), vec![]).await.unwrap();
        let read = read(&source, path).await;
        assert_eq!(read.is_ok(), good);
        if let Err(error) = read {
            assert!(chain(&error).contains("does not have the address"), "{}", chain(&error));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_beside_the_closure_are_asked_for_and_those_that_are_nowhere_named() {
    let content = nar(b"x");
    let mut cache = Cache::default();
    for number in [1, 2] {
        cache.add(&told(&info(number, &[]), &content), &content);
    }
    let source = cache.open(Trust::All, vec![]).await.unwrap();
    let infos = source.infos(&[name(2), name(1), name(2)]).await.unwrap();
    assert_eq!(infos.into_keys().collect::<Vec<_>>(), [name(1), name(2)]);
    let error = source.infos(&[name(1), name(3)]).await.unwrap_err();
    assert!(error.to_string().contains(&name(3).to_string()), "{error}");
    let error = chain(&read(&source, name(3)).await.unwrap_err());
    assert!(error.contains("nothing was told of it"), "{error}");
}

/// A folder that is a binary cache of path 2, uncompressed.
fn folder(folder: &Path, info: &PathInfo, nar: &[u8], key: &SecretKey) -> Upstream {
    let mut info = info.clone();
    info.sign(&StoreDir::default(), key);
    let told = NarInfo {
        url: "x.nar".into(),
        compression: Compression::None,
        file_hash: None,
        file_size: None,
        info,
    };
    std::fs::write(folder.join("nix-cache-info"), "StoreDir: /nix/store\n").unwrap();
    let file = folder.join(format!("{}.narinfo", told.info.path.hash_part()));
    std::fs::write(file, told.to_text(&StoreDir::default())).unwrap();
    std::fs::write(folder.join("x.nar"), nar).unwrap();
    Upstream { url: url::Url::from_directory_path(folder).unwrap(), keys: vec![key.public()] }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cache_leaves_to_an_upstream_comes_from_there() {
    let (content, leaf) = (nar(b"x"), nar(&noise(3 << 20, 2)));
    let (key, at) = (SecretKey::generate("up-1").unwrap(), tempfile::tempdir().unwrap());
    let upstream = folder(at.path(), &told(&info(2, &[]), &leaf), &leaf, &key);
    let mut cache = Cache { elsewhere: vec![name(2).to_string()], ..Cache::default() };
    cache.add(&told(&info(1, &[2]), &content), &content);
    let source = cache.open(Trust::All, vec![upstream]).await.unwrap();
    assert_eq!(source.closure().get(&name(2)).unwrap().nar_hash, NarHash::of(&leaf));
    assert!(read(&source, name(2)).await.unwrap() == leaf);
    let mut bad = leaf.clone();
    bad[1 << 20] ^= 1;
    std::fs::write(at.path().join("x.nar"), bad).unwrap();
    read(&source, name(2)).await.unwrap_err();
    std::fs::write(at.path().join("x.nar"), &leaf[..1 << 20]).unwrap();
    read(&source, name(2)).await.unwrap_err();
}

/// Packs in memory.
#[derive(Default)]
struct Memory {
    packs: Mutex<HashMap<ObjectHash, Vec<u8>>>,
    lookups: Mutex<usize>,
}

impl PackSource for Memory {
    type At = ObjectHash;

    async fn locate(&self, pack: &PackRef) -> Result<Option<ObjectHash>, ClientError> {
        *self.lookups.lock().unwrap() += 1;
        Ok(self.packs.lock().unwrap().contains_key(&pack.hash).then_some(pack.hash))
    }

    async fn read(&self, at: &ObjectHash, range: Range<u64>) -> Result<Ranged, ClientError> {
        let packs = self.packs.lock().unwrap();
        let pack = &packs[at];
        let bytes = Bytes::copy_from_slice(&pack[range.start as usize..range.end as usize]);
        Ok(Ranged { bytes, total: pack.len() as u64 })
    }
}

/// A snapshot of these NARs, path 1 with the first; each in a pack of its own, each referring to the next.
fn snapshot(nars: &[Vec<u8>]) -> (Snapshot, Arc<Memory>) {
    let (mut snapshot, memory) = (Snapshot::default(), Arc::new(Memory::default()));
    for (nar, at) in nars.iter().zip(0u32..) {
        let (mut builder, mut bytes, mut recipe) =
            (PackBuilder::new(64 << 20), Vec::new(), Recipe::default());
        for ((entry, frame), place) in row(&chunks(nar)).into_iter().zip(0u32..) {
            builder.push(entry.chunk, entry.raw_len, &frame).unwrap();
            bytes.extend(frame);
            recipe.push(at, place);
        }
        let (_, footer, hash) = builder.finish();
        bytes.extend(&footer);
        let (size, footer_len) = (bytes.len() as u64, footer.len() as u32);
        let footer_hash = ObjectHash::of(&footer);
        snapshot.packs.push(PackRef { hash, size, footer_len, footer_hash, copy: 0 });
        memory.packs.lock().unwrap().insert(hash, bytes);
        let references = if (at as usize) + 1 < nars.len() { vec![at + 2] } else { vec![] };
        let info = told(&info(at + 1, &references), nar);
        let source = Source::Packs(recipe);
        snapshot.paths.insert(info.path.clone(), SavedPath { info, source, unused: 0 });
    }
    (snapshot, memory)
}

async fn saved(
    snapshot: Snapshot,
    memory: &Arc<Memory>,
    roots: &[StorePath],
) -> Result<ImageSource, SourceError> {
    let shelves = Arc::<Shelves>::default();
    let (snapshot, packs) = (Arc::new(snapshot), Arc::clone(memory));
    let supply = snapshot::Saved { snapshot, packs, means: means(vec![]), shelves: Arc::clone(&shelves) };
    ImageSource::open(Box::new(supply), shelves, roots).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_read_and_only_its_packs_that_are_needed() {
    let nars = [nar(&noise(500_000, 1)), nar(b"two"), nar(&noise(9 << 20, 3))];
    let (snapshot, memory) = snapshot(&nars);
    let source = saved(snapshot, &memory, &[name(2)]).await.unwrap();
    assert_eq!(source.closure().iter().map(|info| info.path.clone()).collect::<Vec<_>>(), [name(2), name(3)]);
    assert_eq!(*memory.lookups.lock().unwrap(), 0, "nothing is looked up before it is read");
    assert!(read(&source, name(3)).await.unwrap() == nars[2]);
    assert!(read(&source, name(2)).await.unwrap() == nars[1]);
    assert_eq!(*memory.lookups.lock().unwrap(), 2);
    read(&source, name(1)).await.unwrap_err();
    assert_eq!(source.infos(&[name(1)]).await.unwrap()[&name(1)].nar_hash, NarHash::of(&nars[0]));
    assert!(read(&source, name(1)).await.unwrap() == nars[0]);
    let error = source.infos(&[name(8), name(1), name(9)]).await.unwrap_err();
    assert!(matches!(&error, SourceError::Absent(paths) if *paths == [name(8), name(9)]), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_has_gone_costs_what_is_in_it_and_nothing_else() {
    let nars = [nar(&noise(500_000, 1)), nar(b"two")];
    let (mut snapshot, memory) = snapshot(&nars);
    memory.packs.lock().unwrap().remove(&snapshot.packs[0].hash);
    let wrong = told(&info(3, &[]), &nar(b"not"));
    let source = snapshot.paths[&name(2)].source.clone();
    snapshot.paths.insert(name(3), SavedPath { info: wrong, source, unused: 0 });
    let source = saved(snapshot, &memory, &[name(1), name(3)]).await.unwrap();
    let error = chain(&read(&source, name(1)).await.unwrap_err());
    assert!(error.contains("not there any more"), "{error}");
    assert!(read(&source, name(2)).await.unwrap() == nars[1]);
    // Frames of another NAR, whose size is the same.
    let error = chain(&read(&source, name(3)).await.unwrap_err());
    assert!(error.contains("and the hash"), "{error}");
}

#[tokio::test]
async fn a_store_that_is_not_there_is_told_of() {
    let (place, trees) = (Place::below(Path::new("/nonexistent")), Arc::<Shelves>::default());
    let Err(error) = ImageSource::open_store(&place, trees.clone(), &[name(1)]).await else { panic!() };
    assert!(matches!(error, SourceError::Store(_)), "{error}");
    let empty = ImageSource::open_store(&place, trees, &[]).await.unwrap();
    assert!(empty.closure().is_empty() && empty.infos(&[]).await.unwrap().is_empty());
}
