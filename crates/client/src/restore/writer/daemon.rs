//! A store that belongs to somebody else, written by Nix's daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use snowbank_nix::daemon::{AddOptions, Daemon, DaemonError, Trust};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::{Place, Realisation};
use snowbank_nix::store_path::StorePath;

use super::limit;
use super::{Claimed, NarSink, SinkError, Writer, WriterError};
use crate::text;

/// Connections at once: the daemon works on one path at a time for each.
const CONNECTIONS: usize = 4;

/// How long the daemon may be silent: it may wait for a build that makes the same path.
const PATIENCE: Duration = Duration::from_secs(600);

/// Bytes that are read from a file at once.
const PIECE: usize = 256 << 10;

/// A store behind a daemon. NARs wait in files without names until all that they refer to is valid: the daemon takes
/// nothing before.
pub struct DaemonWriter {
    place: Place,
    spool: PathBuf,
    trust: Trust,
    /// Holds the temporary roots.
    first: Mutex<Daemon<UnixStream>>,
    finished: Arc<Mutex<BTreeMap<StorePath, File>>>,
}

impl DaemonWriter {
    /// Connects to the daemon of the store at `place`. NARs wait in `spool`.
    ///
    /// # Errors
    /// When no daemon answers, or one that is too old.
    pub fn connect(place: Place, spool: PathBuf) -> Result<Self, DaemonError> {
        let first = Daemon::connect(&place, Some(PATIENCE))?;
        let trust = first.trust();
        Ok(Self { place, spool, trust, first: Mutex::new(first), finished: Arc::default() })
    }

    /// Whether the daemon takes paths without a signature from this user.
    #[must_use]
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    fn options(&self) -> AddOptions {
        // A daemon that does not say heeds it if it may.
        AddOptions { dont_check_signatures: self.trust != Trust::Untrusted, repair: false }
    }

    /// Adds paths that do not need each other, over several connections. Returns those that were refused.
    fn add(&self, ready: Vec<(&PathInfo, File)>) -> Result<Vec<(StorePath, String)>, WriterError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let connections = processors.clamp(1, CONNECTIONS).min(ready.len());
        let queue = Mutex::new(ready);
        let refused = Mutex::new(Vec::new());
        let work = || {
            let mut daemon = None;
            loop {
                let Some((info, file)) = lock(&queue).pop() else { return Ok(()) };
                let mut open = match daemon.take() {
                    Some(open) => open,
                    None => Daemon::connect(&self.place, Some(PATIENCE)).map_err(failed)?,
                };
                match send(&mut open, info, file, self.options()) {
                    Ok(()) => {}
                    Err(error) => lock(&refused).push((info.path.clone(), text::chain(&error))),
                }
                daemon = Some(open).filter(Daemon::is_usable);
            }
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
            let ended = threads.into_iter().map(|thread| match thread.join() {
                Ok(ended) => ended,
                Err(_) => Err(WriterError("a thread came to an unexpected end".into())),
            });
            ended.collect::<Result<(), WriterError>>()
        })?;
        Ok(refused.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

fn send(
    daemon: &mut Daemon<UnixStream>,
    info: &PathInfo,
    mut file: File,
    options: AddOptions,
) -> Result<(), DaemonError> {
    // Somebody may have made it meanwhile; the daemon would read the NAR for nothing.
    if daemon.is_valid(&info.path)? {
        return Ok(());
    }
    let mut adding = daemon.add(info, options)?;
    let mut copied = || -> io::Result<()> {
        file.rewind()?;
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(()),
                read => adding.write_all(&piece[..read])?,
            }
        }
    };
    // What went wrong while it was sent, the end tells better.
    let copied = copied();
    adding.finish()?;
    copied.map_err(|error| DaemonError::Io { what: "send a path to", error })
}

impl Writer for DaemonWriter {
    type Sink = SpoolSink;

    fn keep(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, WriterError> {
        let mut daemon = lock(&self.first);
        for path in paths {
            daemon.add_temp_root(path).map_err(failed)?;
        }
        daemon.valid_among(paths).map_err(failed)
    }

    fn at_once(&self, wanted: usize) -> usize {
        limit::allow(wanted)
    }

    fn references_first(&self) -> bool {
        true
    }

    fn claim(&self, paths: &BTreeSet<StorePath>) -> Result<Claimed, WriterError> {
        // The daemon takes the locks.
        let valid = lock(&self.first).valid_among(paths).map_err(failed)?;
        let claimed = paths.difference(&valid).cloned().collect();
        Ok(Claimed { claimed, busy: BTreeSet::new(), valid })
    }

    fn begin(&self, info: &PathInfo) -> Result<SpoolSink, WriterError> {
        let file = tempfile::tempfile_in(&self.spool).map_err(|error| WriterError(Box::new(error)))?;
        Ok(SpoolSink { path: info.path.clone(), file, finished: Arc::clone(&self.finished) })
    }

    fn commit(&self, infos: &[&PathInfo]) -> Result<Vec<(StorePath, String)>, WriterError> {
        let mut refused = Vec::new();
        let mut left: Vec<&PathInfo> = infos.to_vec();
        while !left.is_empty() {
            let waiting: BTreeSet<_> = left.iter().map(|info| &info.path).collect();
            let waits = |info: &&&PathInfo| {
                info.references.iter().any(|other| *other != info.path && waiting.contains(other))
            };
            let (later, now): (Vec<&PathInfo>, Vec<&PathInfo>) = left.iter().partition(waits);
            if now.is_empty() {
                return Err(WriterError("paths refer to each other".into()));
            }
            let mut ready = Vec::new();
            for info in now {
                match lock(&self.finished).remove(&info.path) {
                    Some(file) => ready.push((info, file)),
                    None => refused.push((info.path.clone(), "it was not written".to_owned())),
                }
            }
            refused.extend(self.add(ready)?);
            left = later;
        }
        Ok(refused)
    }

    fn discard(&self, path: &StorePath) {
        lock(&self.finished).remove(path);
    }

    fn realise(&self, realisations: &[Realisation]) -> Result<(), WriterError> {
        let mut daemon = lock(&self.first);
        for realisation in realisations {
            match daemon.register_realisation(realisation) {
                // A Nix without content-addressed derivations, or of another form of them, has no place for it.
                Ok(()) | Err(DaemonError::Refused(_)) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }
}

/// A NAR on its way to the daemon.
pub struct SpoolSink {
    path: StorePath,
    file: File,
    finished: Arc<Mutex<BTreeMap<StorePath, File>>>,
}

impl NarSink for SpoolSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.file.write_all(bytes).map_err(|error| SinkError::Store(Box::new(error)))
    }

    fn finish(self) -> Result<(), SinkError> {
        lock(&self.finished).insert(self.path, self.file);
        Ok(())
    }
}

fn failed(error: DaemonError) -> WriterError {
    WriterError(Box::new(error))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
