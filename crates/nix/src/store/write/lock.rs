//! Locks of Nix's making: a file each, locked with `flock`.

use std::{
    fs::File,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags},
    io::Errno,
};

use super::{WriteError, error::file};

/// Opens a lock's file, or makes it.
pub(super) fn open(path: &Path) -> Result<OwnedFd, WriteError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(file("open the lock", path))
}

/// Waits for the lock.
pub(super) fn wait(lock: &OwnedFd, path: &Path, operation: FlockOperation) -> Result<(), WriteError> {
    loop {
        match rustix::fs::flock(lock, operation) {
            Err(Errno::INTR) => {}
            done => return done.map_err(file("lock", path)),
        }
    }
}

/// Takes the lock if nobody has it; false if somebody does. `operation` must be one that does not block.
pub(super) fn attempt(lock: &OwnedFd, path: &Path, operation: FlockOperation) -> Result<bool, WriteError> {
    match wait(lock, path, operation) {
        Ok(()) => Ok(true),
        Err(WriteError::File { error, .. }) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// The lock of a store path: `<store path>.lock`, held by who builds, downloads or restores it.
///
/// When it is dropped its file is removed first and marked then, so that who waits for it knows to make another.
#[derive(Debug)]
pub(super) struct PathLock {
    path: PathBuf,
    file: File,
}

impl PathLock {
    /// Waits for the lock of the store path whose files are at `target`.
    pub(super) fn acquire(target: &Path) -> Result<Self, WriteError> {
        let path = beside(target);
        loop {
            let lock = open(&path)?;
            wait(&lock, &path, FlockOperation::LockExclusive)?;
            if let Some(held) = Self::held(&path, lock)? {
                return Ok(held);
            }
        }
    }

    /// Takes the lock if nobody has it.
    pub(super) fn attempt(target: &Path) -> Result<Option<Self>, WriteError> {
        let path = beside(target);
        loop {
            let lock = open(&path)?;
            if !attempt(&lock, &path, FlockOperation::NonBlockingLockExclusive)? {
                return Ok(None);
            }
            if let Some(held) = Self::held(&path, lock)? {
                return Ok(Some(held));
            }
        }
    }

    /// A file with something in it was removed before it was locked.
    fn held(path: &Path, lock: OwnedFd) -> Result<Option<Self>, WriteError> {
        let file = File::from(lock);
        let length = file.metadata().map_err(self::file("look at the lock", path))?.len();
        Ok((length == 0).then(|| Self { path: path.to_owned(), file }))
    }
}

/// Where the lock of a store path is.
fn beside(target: &Path) -> PathBuf {
    let mut path = target.as_os_str().to_owned();
    path.push(".lock");
    PathBuf::from(path)
}

impl Drop for PathLock {
    fn drop(&mut self) {
        // What fails here leaves a file behind that does no harm.
        let _ = std::fs::remove_file(&self.path);
        let _ = std::io::Write::write_all(&mut self.file, b"d");
    }
}
