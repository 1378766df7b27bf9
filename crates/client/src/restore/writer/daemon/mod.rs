//! A store that belongs to somebody else, written by Nix's daemon.

mod straight;

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
use straight::Straight;

/// Connections at once: the daemon works on one path at a time for each.
const CONNECTIONS: usize = 4;

/// How long the daemon may be silent: it may wait for a build that makes the same path.
const PATIENCE: Duration = Duration::from_secs(600);

/// Bytes that are read from a file at once.
const PIECE: usize = 256 << 10;

/// A store behind a daemon, which takes a path only when all that it refers to is valid. Then a NAR goes straight to it;
/// others wait in files without names.
pub struct DaemonWriter {
    place: Place,
    spool: PathBuf,
    trust: Trust,
    /// Holds the temporary roots.
    first: Mutex<Daemon<UnixStream>>,
    shared: Arc<Shared>,
}

/// What the writer and its sinks know.
#[derive(Default)]
struct Shared {
    /// Paths that are known to be valid.
    valid: Mutex<BTreeSet<StorePath>>,
    /// NARs that wait.
    finished: Mutex<BTreeMap<StorePath, File>>,
    /// Connections that nobody uses just now.
    idle: Mutex<Vec<Daemon<UnixStream>>>,
}

impl Shared {
    fn give_back(&self, daemon: Daemon<UnixStream>) {
        if daemon.is_usable() {
            lock(&self.idle).push(daemon);
        }
    }
}

impl DaemonWriter {
    /// Connects to the daemon of the store at `place`. NARs wait in `spool`.
    ///
    /// # Errors
    /// When no daemon answers, or one that is too old.
    pub fn connect(place: Place, spool: PathBuf) -> Result<Self, DaemonError> {
        let first = Daemon::connect(&place, Some(PATIENCE))?;
        let trust = first.trust();
        Ok(Self { place, spool, trust, first: Mutex::new(first), shared: Arc::default() })
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

    fn connection(&self) -> Result<Daemon<UnixStream>, WriterError> {
        let idle = lock(&self.shared.idle).pop();
        idle.map_or_else(|| Daemon::connect(&self.place, Some(PATIENCE)).map_err(failed), Ok)
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
                let Some((info, file)) = lock(&queue).pop() else {
                    daemon.into_iter().for_each(|daemon| self.shared.give_back(daemon));
                    return Ok(());
                };
                let mut open = match daemon.take() {
                    Some(open) => open,
                    None => self.connection()?,
                };
                match send(&mut open, info, file, self.options()) {
                    Ok(()) => drop(lock(&self.shared.valid).insert(info.path.clone())),
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
    type Sink = DaemonSink;

    fn keep(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, WriterError> {
        let mut daemon = lock(&self.first);
        for path in paths {
            daemon.add_temp_root(path).map_err(failed)?;
        }
        let valid = daemon.valid_among(paths).map_err(failed)?;
        lock(&self.shared.valid).extend(valid.iter().cloned());
        Ok(valid)
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
        lock(&self.shared.valid).extend(valid.iter().cloned());
        let claimed = paths.difference(&valid).cloned().collect();
        Ok(Claimed { claimed, busy: BTreeSet::new(), valid })
    }

    fn begin(&self, info: &PathInfo) -> Result<DaemonSink, WriterError> {
        let ready = {
            let valid = lock(&self.shared.valid);
            info.references.iter().all(|other| *other == info.path || valid.contains(other))
        };
        let way = if ready {
            Way::Straight(Some(Straight::begin(self.connection()?, info.clone(), self.options())))
        } else {
            let file = tempfile::tempfile_in(&self.spool);
            Way::Spooled(file.map_err(|error| WriterError(Box::new(error)))?)
        };
        Ok(DaemonSink { path: info.path.clone(), way, shared: Arc::clone(&self.shared) })
    }

    fn commit(&self, infos: &[&PathInfo]) -> Result<Vec<(StorePath, String)>, WriterError> {
        let mut refused = Vec::new();
        let mut left: Vec<&PathInfo> = infos.to_vec();
        {
            // What went straight to the daemon.
            let valid = lock(&self.shared.valid);
            left.retain(|info| !valid.contains(&info.path));
        }
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
                match lock(&self.shared.finished).remove(&info.path) {
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
        lock(&self.shared.finished).remove(path);
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
pub struct DaemonSink {
    path: StorePath,
    way: Way,
    shared: Arc<Shared>,
}

enum Way {
    /// None once it was refused.
    Straight(Option<Straight>),
    Spooled(File),
}

impl NarSink for DaemonSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        match &mut self.way {
            Way::Straight(Some(straight)) if straight.write(bytes) => Ok(()),
            // The end tells why no more is taken.
            Way::Straight(straight) => {
                let ended = straight.take().and_then(|straight| straight.finish().err());
                Err(ended.unwrap_or_else(|| SinkError::Store("the Nix daemon takes no more".into())))
            }
            Way::Spooled(file) => file.write_all(bytes).map_err(|error| SinkError::Store(Box::new(error))),
        }
    }

    fn finish(self) -> Result<(), SinkError> {
        match self.way {
            Way::Straight(straight) => {
                if let Some(straight) = straight {
                    self.shared.give_back(straight.finish()?);
                    lock(&self.shared.valid).insert(self.path);
                }
            }
            Way::Spooled(file) => drop(lock(&self.shared.finished).insert(self.path, file)),
        }
        Ok(())
    }
}

fn failed(error: DaemonError) -> WriterError {
    WriterError(Box::new(error))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
