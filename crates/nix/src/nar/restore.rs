//! From a NAR into a file system.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT},
    io::Errno,
};

use super::{Event, NarError, ReadError, Reader, grammar::Grammar};

/// The one time that everything in a store was changed at.
const TIMES: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    last_modification: Timespec { tv_sec: 1, tv_nsec: 0 },
};

/// Why a NAR cannot be restored. What was made before is still there.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file system refused something.
    #[error("cannot write {}", .path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why; for what is already there, that it exists.
        #[source]
        error: io::Error,
    },
    /// The archive cannot be read.
    #[error("cannot read the archive of {}", .path.display())]
    Read {
        /// What was to be restored.
        path: PathBuf,
        /// Why.
        #[source]
        error: ReadError,
    },
}

/// Restores the NAR that `source` holds as `path`.
///
/// # Errors
/// When `path` exists, the source fails or holds something other than one NAR, or the file system refuses.
pub fn restore(source: impl Read, path: &Path) -> Result<(), RestoreError> {
    let mut reader = Reader::new(source);
    let mut restorer = Restorer::new(path);
    let unreadable = |error| RestoreError::Read { path: path.to_owned(), error };
    while let Some(event) = reader.next_event().map_err(unreadable)? {
        restorer.event(&event)?;
    }
    restorer.finish()
}

/// Makes a tree of a NAR's events, with the canonical metadata of a store: changed at second 1, mode 0444, or 0555 for
/// directories and what can be executed.
///
/// It makes everything anew, by names that the grammar allows, in directories that it made and holds open: nothing
/// that exists is written to, no link followed, no place reached outside of the tree. Holds one open file for each
/// directory on the way.
#[derive(Debug)]
pub struct Restorer {
    grammar: Grammar,
    /// What is under way.
    path: PathBuf,
    /// The directories that are open, the outermost first.
    open: Vec<OwnedFd>,
    file: Option<(File, Mode)>,
}

impl Restorer {
    /// A restorer of the tree at `path`, whose folder must exist.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { grammar: Grammar::new(), path: path.to_owned(), open: Vec::new(), file: None }
    }

    /// Makes what the next event tells of.
    ///
    /// # Errors
    /// When the file system refuses, or the event can stand in no NAR here; the restorer is then of no more use.
    pub fn event(&mut self, event: &Event<'_>) -> Result<(), RestoreError> {
        self.grammar.accept(event).map_err(|error| self.unreadable(error))?;
        let made = match event {
            Event::Directory => self.directory(),
            Event::Entry(name) => {
                self.path.push(OsStr::from_bytes(name));
                return Ok(());
            }
            Event::DirectoryEnd => self.directory_end(),
            Event::File { executable, .. } => self.file(*executable),
            Event::Contents(bytes) => self.contents(bytes),
            Event::Symlink(target) => self.symlink(target),
        };
        made.map_err(|error| RestoreError::Write { path: self.path.clone(), error })?;
        let ended = !matches!(event, Event::Directory) && self.grammar.closed();
        if ended && !self.grammar.complete() {
            self.path.pop();
        }
        Ok(())
    }

    /// Ends the tree.
    ///
    /// # Errors
    /// When it is not complete.
    pub fn finish(self) -> Result<(), RestoreError> {
        if self.grammar.complete() { Ok(()) } else { Err(self.unreadable(NarError::Truncated)) }
    }

    fn directory(&mut self) -> io::Result<()> {
        let (at, name) = self.place();
        rustix::fs::mkdirat(at, &name, Mode::RWXU)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(at, &name, flags, Mode::empty())?;
        self.without_acls(directory.as_fd())?;
        self.open.push(directory);
        Ok(())
    }

    fn directory_end(&mut self) -> io::Result<()> {
        self.open.pop().map_or(Ok(()), |directory| canonical(directory.as_fd(), mode(true)))
    }

    fn file(&mut self, executable: bool) -> io::Result<()> {
        let (at, name) = self.place();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(at, &name, flags, Mode::RUSR | Mode::WUSR)?;
        self.without_acls(file.as_fd())?;
        self.file = Some((file.into(), mode(executable)));
        self.file_end()
    }

    fn contents(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some((file, _)) = &mut self.file {
            file.write_all(bytes)?;
        }
        self.file_end()
    }

    fn file_end(&mut self) -> io::Result<()> {
        match self.file.take_if(|_| self.grammar.closed()) {
            Some((file, mode)) => canonical(file.as_fd(), mode),
            None => Ok(()),
        }
    }

    fn symlink(&mut self, target: &[u8]) -> io::Result<()> {
        let (at, name) = self.place();
        rustix::fs::symlinkat(target, at, &name)?;
        Ok(rustix::fs::utimensat(at, &name, &TIMES, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Where the next tree goes: the whole path for the outermost, a name in an open directory for others.
    fn place(&self) -> (BorrowedFd<'_>, OsString) {
        match (self.open.last(), self.path.file_name()) {
            (Some(directory), Some(name)) => (directory.as_fd(), name.to_owned()),
            _ => (CWD, self.path.clone().into_os_string()),
        }
    }

    /// Takes from the outermost file or directory the access control lists that its folder gave it; those within
    /// inherit none then.
    fn without_acls(&self, made: BorrowedFd<'_>) -> io::Result<()> {
        if !self.open.is_empty() {
            return Ok(());
        }
        for name in ["system.posix_acl_access", "system.posix_acl_default"] {
            match rustix::fs::fremovexattr(made, name) {
                Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn unreadable(&self, error: NarError) -> RestoreError {
        RestoreError::Read { path: self.path.clone(), error: error.into() }
    }
}

fn mode(executable: bool) -> Mode {
    let read = Mode::RUSR | Mode::RGRP | Mode::ROTH;
    if executable { read | Mode::XUSR | Mode::XGRP | Mode::XOTH } else { read }
}

/// Sets mode and time; the mode in so many words, because a new file's depends on the process's mask.
fn canonical(file: BorrowedFd<'_>, mode: Mode) -> io::Result<()> {
    rustix::fs::fchmod(file, mode)?;
    Ok(rustix::fs::futimens(file, &TIMES)?)
}
