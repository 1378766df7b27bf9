//! Files and folders beside the store, such as Nix's own caches: they are put where nothing is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use snowbank_nix::hash::NarHasher;
use tempfile::TempDir;

use super::index::{Frame, Loss};
use super::opener::Opener;
use super::reader::{Part, Reader};
use super::report::{Paths, Reason};
use super::rounds::blocking;
use super::window::{self, Bite, Cutter, Frames, Queue};
use super::writer::SinkError;
use super::writer::unpack::Unpacker;
use super::{PackSource, RestoreError, room};
use crate::observer::{Event, Observer};
use crate::snapshot::{SavedTree, Snapshot};
use crate::text;

/// What is restored beside the store, and where.
pub struct RestoreTrees<'a, P> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// Which of its trees are wanted, by name.
    pub wanted: &'a (dyn Fn(&str) -> bool + Sync),
    /// The folder, which must exist. What it has stays as it is.
    pub folder: &'a Path,
    /// Where packs come from.
    pub packs: &'a Arc<P>,
    /// Bytes that must stay free on the folder's file system.
    pub min_free: u64,
    /// Who is told.
    pub observer: &'a Arc<dyn Observer>,
}

/// What became of the trees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoredTrees {
    /// Those that were restored.
    pub restored: Paths,
    /// How many were there.
    pub found: u64,
    /// Those that could not be had, with the reasons.
    pub missed: BTreeMap<String, (Reason, String)>,
}

impl<P: PackSource> RestoreTrees<'_, P> {
    /// Restores what is not there. Holds one window of 32 MiB and what the footers take; checks the hash of every chunk
    /// and of the whole. A tree appears when it is complete; its files may be written to.
    ///
    /// # Errors
    /// When there is too little room. What cannot be had is told of in one warning.
    pub async fn run(&self) -> Result<RestoredTrees, RestoreError> {
        let mut report = RestoredTrees::default();
        let mut trees = Vec::new();
        for (name, tree) in self.snapshot.trees.iter().filter(|(name, _)| (self.wanted)(name)) {
            match self.folder.join(name).symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    trees.push((name.clone(), tree.clone()));
                }
                _ => report.found += 1,
            }
        }
        let needed: BTreeSet<u32> =
            trees.iter().flat_map(|(_, tree)| &tree.recipe.0).map(|run| run.pack).collect();
        let (source, observer) = (Arc::clone(self.packs), Arc::clone(self.observer));
        let reader = Reader::open(source, &self.snapshot.packs, &needed, observer).await;
        let mut queue = Vec::new();
        for (job, (name, tree)) in trees.iter().enumerate() {
            match reader.packs.measure(&tree.recipe, tree.nar_size) {
                Ok(stored) => queue.push((job, stored)),
                Err(loss) => drop(report.missed.insert(name.clone(), loss)),
            }
        }
        let bytes = queue.iter().fold(0u64, |sum, &(job, _)| sum.saturating_add(trees[job].1.nar_size));
        if bytes > 0 {
            room::check(self.folder, bytes, self.min_free)?;
        }
        let making = Making { folder: self.folder.to_owned(), trees, reader, lost: Mutex::default() };
        self.make(making, &Queue::new(queue), &mut report).await?;
        self.warn(&report);
        Ok(report)
    }

    async fn make(
        &self,
        making: Making<P>,
        queue: &Queue,
        report: &mut RestoredTrees,
    ) -> Result<(), RestoreError> {
        let making = Arc::new(making);
        let size = window::size(1).min(window::size(2));
        let mut cutter = Cutter::new(queue, size, &*making);
        let mut bench = Bench {
            opener: Opener::new(true).map_err(|_| RestoreError::Lost)?,
            open: None,
            made: Vec::new(),
        };
        loop {
            let bites = cutter.next();
            if bites.is_empty() {
                break;
            }
            let parts = making.reader.fetch(&bites, size).await;
            let shared = Arc::clone(&making);
            bench = blocking(move || {
                bites.iter().for_each(|bite| bench.bite(&shared, bite, &parts));
                bench
            })
            .await?;
        }
        for job in bench.made {
            report.restored.count += 1;
            report.restored.bytes += making.trees[job].1.nar_size;
        }
        let lost = std::mem::take(&mut *making.lost());
        report.missed.extend(lost.into_iter().map(|(job, loss)| (making.trees[job].0.clone(), loss)));
        Ok(())
    }

    fn warn(&self, report: &RestoredTrees) {
        if let Some((name, (reason, why))) = report.missed.first_key_value() {
            let count = report.missed.len();
            let text =
                format!("{count} of Nix's own caches were not restored; for one {name} is {reason}: {why}");
            self.observer.tell(Event::Warning(text));
        }
    }
}

struct Making<P: PackSource> {
    folder: PathBuf,
    trees: Vec<(String, SavedTree)>,
    reader: Reader<P>,
    lost: Mutex<BTreeMap<usize, Loss>>,
}

impl<P: PackSource> Making<P> {
    fn lost(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Loss>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: PackSource> Frames for &Making<P> {
    fn is_wanted(&self, job: usize) -> bool {
        !self.lost().contains_key(&job)
    }

    fn frame(&self, job: usize, run: usize, at: u32) -> Option<(Frame, bool)> {
        self.reader.packs.frame(&self.trees[job].1.recipe, run, at)
    }
}

struct Bench {
    opener: Opener,
    open: Option<Open>,
    made: Vec<usize>,
}

/// A tree that is being made, in a folder of its own; all of it goes when this is dropped.
struct Open {
    job: usize,
    folder: TempDir,
    unpacker: Option<Unpacker>,
    hasher: NarHasher,
}

impl Open {
    fn file(&self) -> PathBuf {
        self.folder.path().join("tree")
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // What may not be written to cannot be removed either.
        let _ = make_writable(&self.file());
    }
}

impl Bench {
    fn bite<P: PackSource>(&mut self, making: &Making<P>, bite: &Bite, parts: &[Part]) {
        if let Err(loss) = self.try_bite(making, bite, parts) {
            self.open = None;
            making.lost().entry(bite.job).or_insert(loss);
        }
    }

    fn try_bite<P: PackSource>(
        &mut self,
        making: &Making<P>,
        bite: &Bite,
        parts: &[Part],
    ) -> Result<(), Loss> {
        if bite.begins {
            self.open = Some(begin(&making.folder, bite.job)?);
        }
        let Some(open) = self.open.as_mut().filter(|open| open.job == bite.job) else { return Ok(()) };
        for frame in &bite.frames {
            let chunk = self.opener.open(&making.reader, frame, parts)?;
            open.hasher.update(chunk);
            if let Some(unpacker) = &mut open.unpacker {
                unpacker.write(chunk).map_err(|error| refused(&error))?;
            }
        }
        if bite.ends
            && let Some(open) = self.open.take()
        {
            let (name, tree) = &making.trees[bite.job];
            finish(open, tree, &making.folder.join(name))?;
            self.made.push(bite.job);
        }
        Ok(())
    }
}

fn begin(folder: &Path, job: usize) -> Result<Open, Loss> {
    let made = tempfile::Builder::new().prefix(".snowbank-").tempdir_in(folder);
    let folder = made.map_err(|error| (Reason::Refused, text::chain(&error)))?;
    let unpacker = Unpacker::new(&folder.path().join("tree"));
    Ok(Open { job, folder, unpacker: Some(unpacker), hasher: NarHasher::default() })
}

fn finish(mut open: Open, tree: &SavedTree, to: &Path) -> Result<(), Loss> {
    if let Some(unpacker) = open.unpacker.take() {
        unpacker.finish().map_err(|error| refused(&error))?;
    }
    let (hash, _) = std::mem::take(&mut open.hasher).finish();
    if hash != tree.nar_hash {
        return Err((
            Reason::Damaged,
            format!("its archive has the hash {hash} instead of {}", tree.nar_hash),
        ));
    }
    let put = || {
        make_writable(&open.file())?;
        put(&open.file(), to)
    };
    put().map_err(|error| (Reason::Refused, text::chain(&error)))
}

/// Moves `from` to where nothing is. What somebody else has put there meanwhile stays.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        // Not every file system knows how.
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => fs::rename(from, to),
        Err(error) => Err(error.into()),
    }
}

fn refused(error: &SinkError) -> Loss {
    let reason = if matches!(error, SinkError::Content(_)) { Reason::Damaged } else { Reason::Refused };
    (reason, text::chain(error))
}

/// Lets the owner write to all files and folders of a tree, which is at most as deep as a NAR may be.
fn make_writable(path: &Path) -> io::Result<()> {
    let found = path.symlink_metadata()?;
    if found.is_symlink() {
        return Ok(());
    }
    let mode = found.permissions().mode() | 0o200;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            make_writable(&entry?.path())?;
        }
    }
    Ok(())
}
