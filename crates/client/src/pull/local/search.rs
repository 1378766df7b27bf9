//! Looking for chunks in local files, on all processors.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use snowbank_cas::chunker::{Cutter, Layout, Params};
use snowbank_cas::id::ChunkHash;

use super::Local;
use crate::observer::{Event, Observer, Stage};
use crate::pull::layout::Origin;

/// Files that are looked into at most: some hundred bytes each.
const MAX_FILES: usize = 1 << 18;

/// Bytes that are read at once, by each thread; a chunk of at most 1 MiB beside it.
const BUFFER: usize = 1 << 20;

/// Where to look for what.
pub(in crate::pull) struct Search {
    /// The files of store paths, the newest first.
    pub(in crate::pull) paths: Vec<PathBuf>,
    /// The chunks that are wanted.
    pub(in crate::pull) wanted: HashSet<ChunkHash>,
    pub(in crate::pull) observer: Arc<dyn Observer>,
    pub(in crate::pull) cancel: Arc<AtomicBool>,
}

impl Search {
    /// Reads all files that are large enough to have chunks of their own. What cannot be read has nothing.
    pub(in crate::pull) fn run(self) -> Local {
        let (mut files, mut bytes) = (Vec::new(), 0);
        let threshold = u64::from(Params::default().file_threshold());
        for path in &self.paths {
            walk(path, threshold, &mut files, &mut bytes);
        }
        self.observer.tell(Event::Begin { stage: Stage::Read, bytes, paths: self.paths.len() as u64 });
        let (next, found) = (AtomicUsize::new(0), Mutex::new(HashMap::new()));
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.work(&files, &next, &found));
            }
        });
        self.observer.tell(Event::End { stage: Stage::Read });
        let chunks = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        Local { files, chunks }
    }

    fn work(&self, files: &[PathBuf], next: &AtomicUsize, found: &Mutex<HashMap<ChunkHash, Origin>>) {
        let mut buffer = vec![0; BUFFER];
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(number) else { return };
            if self.cancel.load(Ordering::Relaxed) {
                return;
            }
            let mut here = Vec::new();
            // What was found before an error is there.
            let _ = self.cut(file, &mut buffer, |chunk, start| here.push((chunk, start)));
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            for (chunk, start) in here {
                found.entry(chunk).or_insert(Origin { of: number as u32, start });
            }
        }
    }

    /// Cuts a file and tells of those of its chunks that are wanted.
    fn cut(&self, file: &Path, buffer: &mut [u8], mut tell: impl FnMut(ChunkHash, u64)) -> io::Result<()> {
        let mut file = File::open(file)?;
        let mut cutter = Cutter::new(Params::default(), Layout::Plain);
        let mut start = 0;
        let mut emit = |chunk: &[u8]| {
            let hash = ChunkHash::of(chunk);
            if self.wanted.contains(&hash) {
                tell(hash, start);
            }
            start += chunk.len() as u64;
        };
        loop {
            let count = match file.read(buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            cutter.push(&buffer[..count], &mut emit).map_err(io::Error::other)?;
            self.observer.tell(Event::Advance { stage: Stage::Read, bytes: count as u64, paths: 0 });
        }
        cutter.finish(&mut emit).map_err(io::Error::other)
    }
}

/// Adds the regular files below `path` that have at least `threshold` bytes.
fn walk(path: &Path, threshold: u64, files: &mut Vec<PathBuf>, bytes: &mut u64) {
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            waiting.extend(entries.map(|entry| entry.path()));
        } else if meta.is_file() && meta.len() >= threshold && files.len() < MAX_FILES {
            *bytes += meta.len();
            files.push(path);
        }
    }
}
