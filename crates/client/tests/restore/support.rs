//! Snapshots of real private stores, their packs in memory, and restores into other private stores.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use snowbank_actions::client::{Attempt, ClientError, Ranged};
use snowbank_binary_cache::upstream::UpstreamError;
use snowbank_cas::chunker::{Cutter, Layout, Params};
use snowbank_cas::frame::Encoder;
use snowbank_cas::id::{ChunkHash, ObjectHash};
use snowbank_cas::pack::PackBuilder;
use snowbank_client::observer::{Event, Observer};
use snowbank_client::restore::writer::{RootWriter, Writer};
use snowbank_client::restore::{Options, PackSource, Restore, RestoreError, Restored, UpstreamSource};
use snowbank_client::snapshot::{PackRef, Recipe, SavedPath, SavedTree, Snapshot, Source};
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::dump;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{LocalStore, Place};
use snowbank_nix::store_path::{StoreDir, StorePath};
use snowbank_testkit::closure::{nix, succeed, verify};
use snowbank_testkit::tools;
use tempfile::TempDir;

/// A store that Nix made: each of some trees as a source, texts that refer to some of those and to the text before,
/// and a derivation.
pub(crate) struct Made {
    root: TempDir,
    pub(crate) top: StorePath,
    pub(crate) infos: BTreeMap<StorePath, PathInfo>,
}

impl Made {
    /// Of `trees`; every text refers to the one before and to every `step`-th tree.
    pub(crate) fn of(trees: &[(String, &Path)], step: usize) -> Self {
        tools::ensure("nix");
        let root = tempfile::tempdir().unwrap();
        let quoted = |text: &str| serde_json::Value::from(text).to_string().replace("${", "\\${");
        let mut expression = "let t0 = builtins.toFile \"t0\" \"end\";\n".to_owned();
        for (at, (name, folder)) in trees.iter().enumerate() {
            let folder = fs::canonicalize(folder).unwrap().display().to_string();
            let (name, folder) = (quoted(name), quoted(&folder));
            writeln!(expression, "s{at} = builtins.path {{ name = {name}; path = {folder}; }};").unwrap();
            let also = if at % step == 0 { format!("${{s{at}}}") } else { String::new() };
            let (text, before) = (at + 1, at);
            writeln!(expression, "t{text} = builtins.toFile \"t{text}\" \"{also} ${{t{before}}}\";").unwrap();
        }
        let all: String = (0..trees.len()).map(|at| format!(" ${{s{at}}}")).collect();
        let last = trees.len();
        write!(expression, "in builtins.toFile \"top\" \"{all} ${{t{last}}}\"").unwrap();
        let mut evaluate = nix("nix-instantiate", root.path());
        evaluate.args(["--eval", "--strict", "--json", "--read-write-mode", "--expr", &expression]);
        let top: String = serde_json::from_str(&succeed(&mut evaluate)).unwrap();
        let top = StoreDir::default().parse(&top).unwrap();
        let mut made = Self { root, top, infos: BTreeMap::new() };
        made.read();
        made
    }

    /// Two trees, small ones: six paths.
    pub(crate) fn small() -> Self {
        let trees = tempfile::tempdir().unwrap();
        let (one, two) = (trees.path().join("one"), trees.path().join("two"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&two).unwrap();
        fs::write(one.join("large"), noise(1, 60_000)).unwrap();
        std::os::unix::fs::symlink("large", one.join("link")).unwrap();
        fs::write(two.join("file"), noise(2, 40_000)).unwrap();
        Self::of(&[("one".to_owned(), &one), ("two".to_owned(), &two)], 2)
    }

    /// Many trees, of a file each.
    pub(crate) fn many(count: u8, size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..count)
            .map(|at| {
                let file = folder.path().join(at.to_string());
                fs::write(&file, noise(at, size)).unwrap();
                (format!("tree-{at}"), file)
            })
            .collect();
        let trees: Vec<_> = files.iter().map(|(name, file)| (name.clone(), &**file)).collect();
        Self::of(&trees, 3)
    }

    fn read(&mut self) {
        let store = LocalStore::open(Place::below(self.root.path())).unwrap();
        let closure = store.closure([&self.top]).unwrap();
        self.infos = closure.iter().map(|info| (info.path.clone(), info.clone())).collect();
    }

    /// Has Nix instantiate a derivation with an output, and takes it among the infos.
    pub(crate) fn instantiate(&mut self) -> StorePath {
        let expression =
            "derivation { name = \"d\"; system = \"x\"; builder = builtins.toFile \"builder\" \"b\"; }";
        let printed = succeed(nix("nix-instantiate", self.root.path()).args(["--expr", expression]));
        let path = StoreDir::default().parse(printed.trim()).unwrap();
        let store = LocalStore::open(Place::below(self.root.path())).unwrap();
        for info in store.closure([&path]).unwrap().iter() {
            self.infos.insert(info.path.clone(), info.clone());
        }
        path
    }

    pub(crate) fn nar(&self, path: &StorePath) -> Vec<u8> {
        dump(&Place::below(self.root.path()).file(path), Vec::new()).unwrap()
    }

    /// The path whose name ends so.
    pub(crate) fn named(&self, name: &str) -> StorePath {
        self.infos.keys().find(|path| path.name() == name).unwrap().clone()
    }

    /// A snapshot of all, its packs with `target` bytes of frames each.
    pub(crate) fn save(&self, target: u64) -> Saved {
        let mut packer = Packer::new(target);
        let mut snapshot = Snapshot::default();
        for (path, info) in &self.infos {
            let recipe = packer.add(&self.nar(path));
            let source = Source::Packs(recipe);
            snapshot.paths.insert(path.clone(), SavedPath { info: info.clone(), source, unused: 0 });
        }
        let packs = packer.finish(&mut snapshot);
        Saved { snapshot, packs: Arc::new(packs) }
    }
}

/// A snapshot of trees that are no store paths.
pub(crate) fn save_trees(trees: &[(&str, &Path)], target: u64) -> Saved {
    let mut packer = Packer::new(target);
    let mut snapshot = Snapshot::default();
    for (name, file) in trees {
        let nar = dump(file, Vec::new()).unwrap();
        let (nar_hash, nar_size) = (NarHash::of(&nar), nar.len() as u64);
        let tree = SavedTree { nar_hash, nar_size, recipe: packer.add(&nar) };
        snapshot.trees.insert((*name).to_owned(), tree);
    }
    let packs = packer.finish(&mut snapshot);
    Saved { snapshot, packs: Arc::new(packs) }
}

/// A snapshot and its packs.
pub(crate) struct Saved {
    pub(crate) snapshot: Snapshot,
    pub(crate) packs: Arc<MemoryPacks>,
}

impl Saved {
    pub(crate) fn recipe(&mut self, path: &StorePath) -> &mut Recipe {
        match &mut self.snapshot.paths.get_mut(path).unwrap().source {
            Source::Packs(recipe) => recipe,
            Source::Upstream => panic!("{path} is in no pack"),
        }
    }

    /// The packs that `path` needs, by number.
    pub(crate) fn packs_of(&mut self, path: &StorePath) -> BTreeSet<u32> {
        self.recipe(path).0.iter().map(|run| run.pack).collect()
    }

    /// Makes a path upstream's.
    pub(crate) fn leave_upstream(&mut self, path: &StorePath) {
        self.snapshot.paths.get_mut(path).unwrap().source = Source::Upstream;
    }
}

/// Cuts streams into packs, every chunk once.
struct Packer {
    target: u64,
    open: PackBuilder,
    bytes: Vec<u8>,
    full: Vec<(PackRef, Bytes)>,
    known: HashMap<ChunkHash, (u32, u32)>,
    frames: u32,
    encoder: Encoder,
}

impl Packer {
    fn new(target: u64) -> Self {
        Self {
            target,
            open: PackBuilder::new(target),
            bytes: Vec::new(),
            full: Vec::new(),
            known: HashMap::new(),
            frames: 0,
            encoder: Encoder::new(1).unwrap(),
        }
    }

    fn add(&mut self, nar: &[u8]) -> Recipe {
        let params =
            if nar.len() < 1 << 20 { Params::new(256, 1024, 4096, 512).unwrap() } else { Params::default() };
        let mut recipe = Recipe::default();
        let mut cutter = Cutter::new(params, Layout::Plain);
        let mut chunks = Vec::new();
        cutter.push(nar, &mut |chunk: &[u8]| chunks.push(chunk.to_vec())).unwrap();
        cutter.finish(&mut |chunk: &[u8]| chunks.push(chunk.to_vec())).unwrap();
        for chunk in chunks {
            let (pack, frame) = self.place(&chunk);
            recipe.push(pack, frame);
        }
        recipe
    }

    fn place(&mut self, chunk: &[u8]) -> (u32, u32) {
        let hash = ChunkHash::of(chunk);
        if let Some(&place) = self.known.get(&hash) {
            return place;
        }
        let frame = self.encoder.encode(chunk).unwrap();
        if !self.open.fits(frame.len() as u32) {
            self.close();
        }
        self.open.push(hash, chunk.len() as u32, &frame).unwrap();
        self.bytes.extend(&frame);
        let place = (self.full.len() as u32, self.frames);
        self.frames += 1;
        self.known.insert(hash, place);
        place
    }

    fn close(&mut self) {
        let (_, tail, hash) = std::mem::replace(&mut self.open, PackBuilder::new(self.target)).finish();
        self.bytes.extend(&tail);
        let pack = PackRef {
            hash,
            size: self.bytes.len() as u64,
            footer_len: tail.len() as u32,
            footer_hash: ObjectHash::of(&tail),
            copy: 0,
        };
        self.full.push((pack, std::mem::take(&mut self.bytes).into()));
        self.frames = 0;
    }

    fn finish(mut self, snapshot: &mut Snapshot) -> MemoryPacks {
        if !self.open.is_empty() {
            self.close();
        }
        snapshot.packs = self.full.iter().map(|(pack, _)| pack.clone()).collect();
        let objects = self.full.into_iter().map(|(pack, bytes)| (pack.hash, bytes)).collect();
        MemoryPacks { objects: Mutex::new(objects), ..MemoryPacks::default() }
    }
}

/// What a source does instead of reading, by the number of the read.
type Fault = dyn Fn(usize, &mut Vec<u8>) -> Option<Cause> + Send + Sync;

/// Packs in memory.
#[derive(Default)]
pub(crate) struct MemoryPacks {
    pub(crate) objects: Mutex<HashMap<ObjectHash, Bytes>>,
    pub(crate) reads: AtomicUsize,
    pub(crate) lookups: AtomicUsize,
    /// Before every read of frames.
    pub(crate) pause: Mutex<Duration>,
    pub(crate) fault: Mutex<Option<Arc<Fault>>>,
}

impl MemoryPacks {
    pub(crate) fn fail(&self, fault: impl Fn(usize, &mut Vec<u8>) -> Option<Cause> + Send + Sync + 'static) {
        *self.fault.lock().unwrap() = Some(Arc::new(fault));
    }

    /// Turns a byte of a pack over.
    pub(crate) fn damage(&self, pack: &PackRef, at: usize) {
        let mut objects = self.objects.lock().unwrap();
        let mut bytes = objects[&pack.hash].to_vec();
        bytes[at] ^= 1;
        objects.insert(pack.hash, bytes.into());
    }
}

/// Why a read fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    Gone(u16),
    Outage,
}

pub(crate) fn error(cause: Cause) -> ClientError {
    let (attempt, message) = (Attempt::new("read a pack", None, "host"), String::new());
    let status = |code: u16| code.try_into().unwrap();
    match cause {
        Cause::Gone(code) => ClientError::Gone { attempt, status: status(code), message },
        Cause::Outage => ClientError::Failed { attempt, status: status(503), message },
    }
}

pub(crate) fn outage() -> Cause {
    Cause::Outage
}

impl PackSource for MemoryPacks {
    type At = ObjectHash;

    async fn locate(&self, pack: &PackRef) -> Result<Option<ObjectHash>, ClientError> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        Ok(self.objects.lock().unwrap().contains_key(&pack.hash).then_some(pack.hash))
    }

    async fn read(&self, at: &ObjectHash, range: Range<u64>) -> Result<Ranged, ClientError> {
        let number = self.reads.fetch_add(1, Ordering::Relaxed);
        let pause = *self.pause.lock().unwrap();
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let object = self.objects.lock().unwrap().get(at).cloned().ok_or_else(|| error(Cause::Gone(404)))?;
        let end = (range.end as usize).min(object.len());
        let mut bytes = object.slice(range.start as usize..end).to_vec();
        let fault = self.fault.lock().unwrap().clone();
        match fault.and_then(|fault| fault(number, &mut bytes)) {
            Some(reason) => Err(error(reason)),
            None => Ok(Ranged { bytes: bytes.into(), total: object.len() as u64 }),
        }
    }
}

/// An upstream cache in memory.
#[derive(Default)]
pub(crate) struct MemoryUpstream(pub(crate) HashMap<StorePath, Vec<u8>>);

impl UpstreamSource for MemoryUpstream {
    async fn fetch<F>(&self, info: &PathInfo, mut sink: F) -> Result<u64, UpstreamError>
    where
        F: FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    {
        let path = info.path.clone();
        let nar = self.0.get(&path).cloned().ok_or(UpstreamError::Absent { path: path.clone() })?;
        let all = move || nar.chunks(1000).try_for_each(&mut sink).map(|()| nar.len() as u64);
        let taken = tokio::task::spawn_blocking(all).await.unwrap();
        taken.map_err(|source| UpstreamError::Sink { path, source })
    }
}

/// Keeps the warnings.
#[derive(Default)]
pub(crate) struct Warnings(pub(crate) Mutex<Vec<String>>);

impl Observer for Warnings {
    fn tell(&self, event: Event) {
        if let Event::Warning(text) = event {
            self.0.lock().unwrap().push(text);
        }
    }
}

/// An empty private store, and what is restored into it.
pub(crate) struct Target {
    root: PathBuf,
    _folder: Option<TempDir>,
    pub(crate) upstream: Arc<MemoryUpstream>,
    pub(crate) options: Options,
    pub(crate) cancel: Arc<AtomicBool>,
    pub(crate) warnings: Arc<Warnings>,
    pub(crate) roots: Option<BTreeSet<StorePath>>,
}

impl Target {
    pub(crate) fn new() -> Self {
        tools::ensure("nix");
        let root = tempfile::tempdir().unwrap();
        succeed(nix("nix-store", root.path()).arg("--init"));
        Self::in_folder(root)
    }

    /// Of a store that is there, and goes with the test.
    pub(crate) fn in_folder(root: TempDir) -> Self {
        let target = Self::at(root.path());
        Self { _folder: Some(root), ..target }
    }

    /// Of a store that is somebody else's.
    pub(crate) fn at(root: &Path) -> Self {
        let patience = Duration::from_secs(60);
        Self {
            root: root.to_owned(),
            _folder: None,
            upstream: Arc::default(),
            options: Options { min_free: 0, verify_nar: false, verify_chunks: true, lanes: 3, patience },
            cancel: Arc::default(),
            warnings: Arc::default(),
            roots: None,
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn place(&self) -> Place {
        Place::below(&self.root)
    }

    pub(crate) fn store(&self) -> LocalStore {
        LocalStore::open(self.place()).unwrap()
    }

    pub(crate) async fn restore(&self, saved: &Saved) -> Result<Restored<RootWriter>, RestoreError> {
        self.restore_by(RootWriter::open(self.place()).unwrap(), saved).await
    }

    pub(crate) async fn restore_by<W: Writer>(
        &self,
        writer: W,
        saved: &Saved,
    ) -> Result<Restored<W>, RestoreError> {
        let (place, writer) = (self.place(), Arc::new(writer));
        let observer: Arc<dyn Observer> = self.warnings.clone();
        Restore {
            snapshot: &saved.snapshot,
            roots: self.roots.as_ref(),
            place: &place,
            writer: &writer,
            packs: &saved.packs,
            upstream: &self.upstream,
            options: &self.options,
            observer: &observer,
            cancel: &self.cancel,
        }
        .run()
        .await
    }

    /// The paths that are valid; Nix has nothing to say against them.
    pub(crate) fn checked(&self) -> BTreeSet<StorePath> {
        assert_eq!(verify(&self.root), Ok(()));
        self.store().valid_paths().unwrap()
    }

    /// What lies in the store's folder, but for the folder of links that Nix makes.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.place().store()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != ".links").collect()
    }

    /// That only valid paths have files.
    pub(crate) fn assert_tidy(&self) {
        let valid: BTreeSet<_> = self.checked().iter().map(ToString::to_string).collect();
        assert_eq!(self.files(), valid);
    }
}

/// What cannot be compressed.
pub(crate) fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}
