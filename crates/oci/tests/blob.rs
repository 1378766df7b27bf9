//! Blobs: whole, from an offset on, cut off, and failing.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{Event, Writer, restore};
use snowbank_nix::store::Place;
use snowbank_nix::store_path::{StoreDir, StorePath};
use snowbank_oci::blob::{BytesBlob, FileBlob, LayerBlob, NoFile, OtherLayer, TreeFileBlob};
use snowbank_oci::compression::Compression;
use snowbank_oci::destination::{Blob, BlobError, Piece};
use snowbank_oci::digest::Digest;
use snowbank_oci::layer::{LayerPath, LayerSpec, PathOptions};
use snowbank_oci::tree::{NarTree, StoreTrees, Tree, TreeError, Trees};

fn path() -> StorePath {
    "xv2iccirbrvklck36f1g7vldn5v58vck-a".parse().unwrap()
}

fn layer() -> LayerSpec {
    let options = PathOptions::default();
    LayerSpec { paths: vec![LayerPath { path: path(), nar_hash: None, options, part: None }] }
}

/// The NAR of a directory of files.
fn nar(files: &BTreeMap<&str, Vec<u8>>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.event(&Event::Directory).unwrap();
    for (name, content) in files {
        writer.event(&Event::Entry(name.as_bytes())).unwrap();
        let size = content.len() as u64;
        writer.event(&Event::File { executable: false, size }).unwrap();
        content.chunks(1 << 20).for_each(|bytes| writer.event(&Event::Contents(bytes)).unwrap());
    }
    writer.event(&Event::DirectoryEnd).unwrap();
    writer.finish().unwrap()
}

/// Bytes that compress to about half.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_le_bytes()[7]
    };
    (0..len).map(|at| if at % 2 == 0 { 7 } else { next(&mut state) }).collect()
}

/// One NAR; counts the events that were read of it.
struct OneNar {
    nar: Vec<u8>,
    hash: NarHash,
    read: Arc<AtomicU64>,
}

struct Counted(NarTree<Cursor<Vec<u8>>>, Arc<AtomicU64>);

impl Tree for Counted {
    fn next_event(&mut self) -> Result<Option<Event<'_>>, TreeError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.next_event()
    }
}

impl Trees for OneNar {
    fn open(&self, path: &StorePath) -> Result<Box<dyn Tree>, TreeError> {
        let (nar, size) = (Cursor::new(self.nar.clone()), self.nar.len() as u64);
        Ok(Box::new(Counted(NarTree::new(path.clone(), nar, self.hash, size), self.read.clone())))
    }
}

fn trees(nar: Vec<u8>) -> Arc<OneNar> {
    Arc::new(OneNar { hash: NarHash::of(&nar), nar, read: Arc::default() })
}

fn blob(trees: Arc<dyn Trees>, compression: Compression) -> LayerBlob {
    LayerBlob::new(layer(), StoreDir::default(), trees, compression, NonZero::new(2).unwrap())
}

/// A blob's bytes from an offset on, and its end.
async fn read(blob: &dyn Blob, offset: u64) -> Result<(Vec<u8>, (Digest, u64)), BlobError> {
    let (mut bytes, mut end, mut pieces) = (Vec::new(), None, blob.open(offset));
    while let Some(piece) = pieces.next().await {
        assert_eq!(end, None);
        match piece? {
            Piece::Data(data) => {
                assert!((1..=1 << 20).contains(&data.len()));
                bytes.extend_from_slice(&data);
            }
            Piece::End { digest, size } => end = Some((digest, size)),
        }
    }
    Ok((bytes, end.unwrap()))
}

/// That any end of it can be had, and each time with the same end.
async fn check(blob: &dyn Blob, wanted: &[u8]) {
    let end = (Digest::of(wanted), wanted.len() as u64);
    for offset in [0, 1, wanted.len() / 2, wanted.len(), wanted.len() + 1] {
        let rest = wanted.get(offset..).unwrap_or_default();
        let (bytes, found) = read(blob, offset as u64).await.unwrap();
        assert!(bytes == rest && found == end, "from {offset}");
    }
}

#[tokio::test]
async fn blobs_in_memory_and_in_files_are_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for len in [0, 10, 3_000_000] {
        let (bytes, file) = (noise(len), folder.path().join("blob"));
        fs::write(&file, &bytes).unwrap();
        let known = Some((Digest::of(&bytes), len as u64));
        assert_eq!(BytesBlob::new(bytes.clone()).known(), known);
        check(&BytesBlob::new(bytes.clone()), &bytes).await;
        let hashed = FileBlob::hashed(file.clone()).unwrap();
        assert_eq!(hashed.known(), known);
        check(&hashed, &bytes).await;
        check(&FileBlob::new(file, None), &bytes).await;
    }
    let missing = FileBlob::new(folder.path().join("missing"), None);
    assert!(read(&missing, 0).await.unwrap_err().to_string().starts_with("cannot read /"));
}

#[tokio::test]
async fn a_file_in_a_store_path_is_a_blob() {
    let files = BTreeMap::from([("a", noise(10)), ("b.tar", noise(2_000_000)), ("c", noise(10))]);
    let trees = trees(nar(&files));
    check(&TreeFileBlob::new(trees.clone(), path(), b"b.tar", None), &files["b.tar"]).await;
    for missing in ["", "d", "b.tar/x"] {
        let error =
            read(&TreeFileBlob::new(trees.clone(), path(), missing.as_bytes(), None), 0).await.unwrap_err();
        assert!(error.is::<NoFile>(), "{error}");
    }
    let wrong = OneNar { hash: NarHash::of(b""), nar: trees.nar.clone(), read: Arc::default() };
    assert!(read(&TreeFileBlob::new(Arc::new(wrong), path(), b"b.tar", None), 0).await.is_err());
}

#[tokio::test]
async fn a_layer_can_be_made_again_from_any_offset() {
    let trees = trees(nar(&BTreeMap::from([("a", noise(6_000_000)), ("b", noise(10))])));
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let layer = blob(trees.clone(), compression);
        assert_eq!((layer.known(), layer.made()), (None, None));
        let (bytes, (digest, size)) = read(&layer, 0).await.unwrap();
        let made = layer.made().unwrap();
        assert_eq!((made.digest, made.size, made.compression), (digest, size, compression));
        assert_eq!(layer.known(), Some((digest, size)));
        check(&layer, &bytes).await;
        let verified = tokio::task::spawn_blocking(move || layer.verify().unwrap()).await.unwrap();
        assert_eq!(verified, made);
        if compression == Compression::None {
            assert_eq!((made.diff_id, made.diff_size), (digest, Some(size)));
        }
    }
}

#[tokio::test]
async fn a_layer_that_cannot_be_read_has_no_end() {
    let nar = nar(&BTreeMap::from([("a", noise(6_000_000))]));
    let cut_off = nar[..nar.len() / 2].to_vec();
    let trees: [Arc<dyn Trees>; 3] = [
        Arc::new(OneNar { hash: NarHash::of(b""), nar: nar.clone(), read: Arc::default() }),
        Arc::new(OneNar { hash: NarHash::of(&nar), nar: cut_off, read: Arc::default() }),
        Arc::new(StoreTrees::new(Place::below(std::path::Path::new("/nowhere")))),
    ];
    for trees in trees {
        let layer = blob(trees, Compression::Zstd);
        let error = read(&layer, 0).await.unwrap_err();
        assert!(error.to_string().contains(path().base_name()), "{error}");
        assert_eq!(layer.made(), None);
    }
}

#[tokio::test]
async fn a_layer_that_is_another_one_has_no_end() {
    let files = BTreeMap::from([("a", noise(10)), ("b", noise(10))]);
    let nar = nar(&files);
    let made = blob(trees(nar.clone()), Compression::None).verify().unwrap();
    let right = blob(trees(nar.clone()), Compression::Zstd).expecting(made.diff_id);
    assert!(read(&right, 0).await.is_ok());

    let root = tempfile::tempdir().unwrap();
    let place = Place::below(root.path());
    fs::create_dir_all(place.store()).unwrap();
    restore(nar.as_slice(), &place.file(&path())).unwrap();
    let changed = place.file(&path()).join("b");
    fs::set_permissions(&changed, fs::Permissions::from_mode(0o644)).unwrap();
    let expected = Digest::of(b"another");
    let layer = blob(Arc::new(StoreTrees::new(place)), Compression::Zstd).expecting(expected);
    let error = read(&layer, 0).await.unwrap_err().downcast::<OtherLayer>().unwrap();
    assert_eq!((error.found, error.expected), (made.diff_id, expected));
    assert_eq!(error.irregular, std::slice::from_ref(&changed));
    let text = error.to_string();
    assert!(text.contains(path().base_name()) && text.contains(changed.to_str().unwrap()), "{text}");
    assert_eq!(layer.made(), None);
}

#[tokio::test]
async fn a_stream_that_is_dropped_ends_its_work() {
    let files: BTreeMap<_, _> = ["a", "b", "c", "d"].map(|name| (name, noise(16 << 20))).into();
    let trees = trees(nar(&files));
    let read = trees.read.clone();
    let layer = blob(trees, Compression::None);
    let mut pieces = layer.open(0);
    assert!(matches!(pieces.next().await, Some(Ok(Piece::Data(_)))));
    drop(pieces);
    drop(layer);
    // The work holds the trees, and lets go of them when it ends.
    while Arc::strong_count(&read) > 1 {
        tokio::task::yield_now().await;
    }
    // Of 64 MiB, in events of at most 128 KiB.
    assert!(read.load(Ordering::SeqCst) < 256);
}
