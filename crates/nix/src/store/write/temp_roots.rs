//! What the garbage collector must leave alone while this process lives.

use std::{
    fs,
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::FlockOperation;

use super::{WriteError, error::file, lock};
use crate::{store::Place, store_path::StorePath};

/// Between two attempts to reach a garbage collector that has not opened its socket yet.
const PAUSE: Duration = Duration::from_millis(100);

/// Attempts to reach it: five minutes in all.
const ATTEMPTS: u32 = 3000;

/// A file with the paths that must stay; locked, by which the collector knows that its owner lives.
#[derive(Debug)]
pub(super) struct TempRoots {
    place: Place,
    path: PathBuf,
    file: fs::File,
    collector: OwnedFd,
}

impl TempRoots {
    pub(super) fn new(place: &Place) -> Result<Self, WriteError> {
        let folder = place.state().join("temproots");
        fs::create_dir_all(&folder).map_err(file("make the folder", &folder))?;
        let collector = place.state().join("gc.lock");
        let collector = lock::open(&collector)?;
        let (path, file) = own_file(&folder)?;
        Ok(Self { place: place.clone(), path, file, collector })
    }

    /// Keeps `paths` until this is dropped, whether they exist yet or not.
    pub(super) fn add<'a>(
        &mut self,
        paths: impl IntoIterator<Item = &'a StorePath>,
    ) -> Result<(), WriteError> {
        let paths: Vec<_> = paths.into_iter().map(|path| self.place.dir().display(path)).collect();
        let at = self.place.state().join("gc.lock");
        for _ in 0..ATTEMPTS {
            // While we share this lock no collection begins; if one is under way it must be told.
            let shared = lock::attempt(&self.collector, &at, FlockOperation::NonBlockingLockShared)?;
            let known = shared || self.tell_collector(&paths);
            if known {
                let lines: String = paths.iter().flat_map(|path| [path, "\0"]).collect();
                let written = self.file.write_all(lines.as_bytes()).map_err(file("write", &self.path));
                if shared {
                    lock::wait(&self.collector, &at, FlockOperation::Unlock)?;
                }
                return written;
            }
            thread::sleep(PAUSE);
        }
        Err(WriteError::Collector(self.socket()))
    }

    /// Tells the collector that runs; false when it does not answer, because it is about to begin or has ended.
    fn tell_collector(&self, paths: &[String]) -> bool {
        let tell = || -> io::Result<bool> {
            let mut socket = UnixStream::connect(self.socket())?;
            for path in paths {
                socket.write_all(format!("{path}\n").as_bytes())?;
                let mut answer = [0];
                socket.read_exact(&mut answer)?;
                if answer != *b"1" {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        tell().unwrap_or(false)
    }

    fn socket(&self) -> PathBuf {
        self.place.state().join("gc-socket/socket")
    }
}

impl Drop for TempRoots {
    fn drop(&mut self) {
        // The collector removes what stays behind.
        let _ = fs::remove_file(&self.path);
    }
}

/// A new file in `folder`, locked. Nix calls it as the process; another store that this process has open, or a process
/// of the same number in another container, may have that name.
fn own_file(folder: &Path) -> Result<(PathBuf, fs::File), WriteError> {
    let process = std::process::id();
    let mut number = 0;
    loop {
        let name = if number == 0 { process.to_string() } else { format!("{process}-{number}") };
        let path = folder.join(name);
        let opened = lock::open(&path)?;
        if !lock::attempt(&opened, &path, FlockOperation::NonBlockingLockExclusive)? {
            number += 1;
            continue;
        }
        let made = fs::File::from(opened);
        // What is there already is of a dead process, or was removed by the collector before we had the lock.
        let is_ours = is_same(&made, &path).map_err(file("look at", &path))?;
        if is_ours && made.metadata().map_err(file("look at", &path))?.len() == 0 {
            return Ok((path, made));
        }
        if is_ours {
            fs::remove_file(&path).map_err(file("remove", &path))?;
        }
    }
}

/// Whether the open file is the one of that name.
fn is_same(open: &fs::File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = open.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
