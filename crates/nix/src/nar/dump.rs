//! From a file system into a NAR.

use std::{
    ffi::{CStr, OsStr},
    io::{self, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use super::{Event, WriteError, Writer};

/// Bytes of a file that are read at once.
const BUFFER: usize = 256 << 10;

/// Why a tree cannot be dumped.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// Something cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Something is neither file, directory nor link.
    #[error("{} is neither a file, a directory nor a link", .0.display())]
    Kind(PathBuf),
    /// A file ended before its size.
    #[error("{} became shorter while it was read", .0.display())]
    Changed(PathBuf),
    /// It cannot be written, or breaks a bound.
    #[error("cannot write the archive of {}", .path.display())]
    Write {
        /// What was about to be written.
        path: PathBuf,
        /// Why.
        #[source]
        error: WriteError,
    },
}

/// Writes the NAR of what is at `path` to `sink`, and gives the sink back.
///
/// No link is followed other than in the folders that lead to `path`. Holds one open file for each directory on the
/// way, the sorted names of each, and 256 KiB of content.
///
/// # Errors
/// When something cannot be read, is of a kind that no NAR holds or beyond a NAR's bounds, or the sink fails.
pub fn dump<W: Write>(path: &Path, sink: W) -> Result<W, DumpError> {
    let written = |error| DumpError::Write { path: path.to_owned(), error };
    let mut dumper = Dumper {
        writer: Writer::new(sink).map_err(written)?,
        path: path.to_owned(),
        buffer: vec![0; BUFFER],
    };
    let name = path.as_os_str();
    let stat = rustix::fs::statat(CWD, name, AtFlags::SYMLINK_NOFOLLOW);
    let kind = FileType::from_raw_mode(stat.map_err(|error| dumper.unreadable(error))?.st_mode);
    dumper.tree(CWD, name, kind)?;
    dumper.writer.finish().map_err(written)
}

struct Dumper<W: Write> {
    writer: Writer<W>,
    /// What is under way, for messages.
    path: PathBuf,
    buffer: Vec<u8>,
}

impl<W: Write> Dumper<W> {
    /// Recursion is bounded by the writer, which refuses what is deeper than a NAR may be.
    fn tree(&mut self, at: BorrowedFd<'_>, name: &OsStr, kind: FileType) -> Result<(), DumpError> {
        match kind {
            FileType::RegularFile => self.file(at, name),
            FileType::Directory => self.directory(at, name),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(at, name, Vec::new());
                let target = target.map_err(|error| self.unreadable(error))?;
                self.event(&Event::Symlink(target.to_bytes()))
            }
            FileType::Unknown => {
                let stat = rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW);
                match FileType::from_raw_mode(stat.map_err(|error| self.unreadable(error))?.st_mode) {
                    FileType::Unknown => Err(DumpError::Kind(self.path.clone())),
                    kind => self.tree(at, name, kind),
                }
            }
            _ => Err(DumpError::Kind(self.path.clone())),
        }
    }

    fn file(&mut self, at: BorrowedFd<'_>, name: &OsStr) -> Result<(), DumpError> {
        // Without blocking, lest a pipe that took the file's place holds everything up.
        let file = self.open(at, name, OFlags::NONBLOCK)?;
        let stat = rustix::fs::fstat(&file).map_err(|error| self.unreadable(error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(DumpError::Kind(self.path.clone()));
        }
        let executable = Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR);
        let mut left = u64::try_from(stat.st_size).unwrap_or(0);
        self.event(&Event::File { executable, size: left })?;
        while left > 0 {
            let most = usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER));
            let len = match rustix::io::read(&file, &mut self.buffer[..most]) {
                Ok(0) => return Err(DumpError::Changed(self.path.clone())),
                Ok(len) => len,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(self.unreadable(error)),
            };
            left -= len as u64;
            let written = self.writer.event(&Event::Contents(&self.buffer[..len]));
            written.map_err(|error| DumpError::Write { path: self.path.clone(), error })?;
        }
        Ok(())
    }

    fn directory(&mut self, at: BorrowedFd<'_>, name: &OsStr) -> Result<(), DumpError> {
        let directory = self.open(at, name, OFlags::DIRECTORY)?;
        self.event(&Event::Directory)?;
        for (name, kind) in self.entries(&directory)? {
            self.event(&Event::Entry(name.as_bytes()))?;
            self.path.push(&name);
            self.tree(directory.as_fd(), &name, kind)?;
            self.path.pop();
        }
        self.event(&Event::DirectoryEnd)
    }

    /// The names in a directory, in the order of their bytes.
    fn entries(&self, directory: &OwnedFd) -> Result<Vec<(std::ffi::OsString, FileType)>, DumpError> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(directory).map_err(|error| self.unreadable(error))? {
            let entry = entry.map_err(|error| self.unreadable(error))?;
            let name: &CStr = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                entries.push((OsStr::from_bytes(name.to_bytes()).to_owned(), entry.file_type()));
            }
        }
        entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(entries)
    }

    fn open(&self, at: BorrowedFd<'_>, name: &OsStr, more: OFlags) -> Result<OwnedFd, DumpError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY | more;
        rustix::fs::openat(at, name, flags, Mode::empty()).map_err(|error| self.unreadable(error))
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), DumpError> {
        self.writer.event(event).map_err(|error| DumpError::Write { path: self.path.clone(), error })
    }

    fn unreadable(&self, error: Errno) -> DumpError {
        DumpError::Read { path: self.path.clone(), error: error.into() }
    }
}
