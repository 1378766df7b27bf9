//! A tree in a file system, event by event.

use std::{
    ffi::{CStr, OsStr, OsString},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    vec,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use super::{DumpError, Event, NarError, grammar::Grammar};

/// Bytes of a file that are read at once; also the longest [`Event::Contents`].
const BUFFER: usize = 256 << 10;

/// Walks over what is at a path, in the order of a NAR.
///
/// No link is followed other than in the folders that lead to the path. Holds one open file for each directory on the
/// way, the sorted names of each, and 256 KiB of content.
#[derive(Debug)]
pub struct Walk {
    /// What is under way.
    path: PathBuf,
    grammar: Grammar,
    /// The directories that are open, the outermost first; bounded by the grammar.
    open: Vec<Level>,
    next: Next,
    /// Whether the last name of the path is done with.
    leave: bool,
    /// Allocated with the first content.
    buffer: Vec<u8>,
    /// The last name or link target.
    word: Vec<u8>,
}

#[derive(Debug)]
struct Level {
    fd: OwnedFd,
    names: vec::IntoIter<(OsString, FileType)>,
}

#[derive(Debug)]
enum Next {
    /// A tree of this kind at the path.
    Tree(FileType),
    /// The content of a file, of which so many bytes are not read.
    Contents(OwnedFd, u64),
    /// The next name in the innermost directory, or its end.
    Entry,
    Nothing,
}

/// An event without its bytes.
enum Found {
    Plain(Event<'static>),
    Entry,
    Contents(usize),
    Symlink,
}

impl Walk {
    /// A walk that begins.
    ///
    /// # Errors
    /// When there is nothing at `path`.
    pub fn new(path: &Path) -> Result<Self, DumpError> {
        let mut walk = Self {
            path: path.to_owned(),
            grammar: Grammar::new(),
            open: Vec::new(),
            next: Next::Nothing,
            leave: false,
            buffer: Vec::new(),
            word: Vec::new(),
        };
        walk.next = Next::Tree(walk.kind()?);
        Ok(walk)
    }

    /// What the last event told of, or what could not be read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// When something cannot be read, or is of a kind that no NAR holds or beyond a NAR's bounds; the walk is then of no
    /// more use.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, DumpError> {
        if std::mem::take(&mut self.leave) {
            self.path.pop();
        }
        let found = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Tree(kind) => self.tree(kind)?,
            Next::Contents(file, left) => self.contents(file, left)?,
            Next::Entry => self.entry()?,
            Next::Nothing => return Ok(None),
        };
        let event = match found {
            Found::Plain(event) => event,
            Found::Entry => Event::Entry(&self.word),
            Found::Contents(len) => Event::Contents(&self.buffer[..len]),
            Found::Symlink => Event::Symlink(&self.word),
        };
        self.grammar.accept(&event).map_err(|error| self.refused(error))?;
        if self.grammar.closed() && !matches!(event, Event::Directory) {
            self.leave = !self.open.is_empty();
            self.next = if self.open.is_empty() { Next::Nothing } else { Next::Entry };
        }
        Ok(Some(event))
    }

    /// Passes over what was not read of the file under way: its next events are not given.
    pub fn skip_contents(&mut self) {
        if let Next::Contents(..) = self.next {
            self.grammar.skip();
            self.leave = !self.open.is_empty();
            self.next = if self.open.is_empty() { Next::Nothing } else { Next::Entry };
        }
    }

    fn tree(&mut self, kind: FileType) -> Result<Found, DumpError> {
        match kind {
            FileType::RegularFile => self.file(),
            FileType::Directory => {
                let fd = self.opened(OFlags::DIRECTORY)?;
                let names = self.names(&fd)?.into_iter();
                self.open.push(Level { fd, names });
                self.next = Next::Entry;
                Ok(Found::Plain(Event::Directory))
            }
            FileType::Symlink => {
                let word = std::mem::take(&mut self.word);
                let target = rustix::fs::readlinkat(self.at(), self.name(), word);
                self.word = target.map_err(|error| self.unreadable(error))?.into_bytes();
                Ok(Found::Symlink)
            }
            FileType::Unknown => match self.kind()? {
                FileType::Unknown => Err(DumpError::Kind(self.path.clone())),
                kind => self.tree(kind),
            },
            _ => Err(DumpError::Kind(self.path.clone())),
        }
    }

    fn file(&mut self) -> Result<Found, DumpError> {
        // Without blocking, lest a pipe that took the file's place holds everything up.
        let file = self.opened(OFlags::NONBLOCK)?;
        let stat = rustix::fs::fstat(&file).map_err(|error| self.unreadable(error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(DumpError::Kind(self.path.clone()));
        }
        let executable = Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        if size > 0 {
            self.next = Next::Contents(file, size);
        }
        Ok(Found::Plain(Event::File { executable, size }))
    }

    fn contents(&mut self, file: OwnedFd, left: u64) -> Result<Found, DumpError> {
        self.buffer.resize(BUFFER, 0);
        let most = usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER));
        let len = loop {
            match rustix::io::read(&file, &mut self.buffer[..most]) {
                Ok(0) => return Err(DumpError::Changed(self.path.clone())),
                Ok(len) => break len,
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.unreadable(error)),
            }
        };
        let left = left - len as u64;
        if left > 0 {
            self.next = Next::Contents(file, left);
        }
        Ok(Found::Contents(len))
    }

    fn entry(&mut self) -> Result<Found, DumpError> {
        let Some((name, kind)) = self.open.last_mut().and_then(|level| level.names.next()) else {
            self.open.pop();
            return Ok(Found::Plain(Event::DirectoryEnd));
        };
        self.path.push(&name);
        self.word = name.into_vec();
        self.next = Next::Tree(kind);
        Ok(Found::Entry)
    }

    /// The names in a directory, in the order of their bytes.
    fn names(&self, directory: &OwnedFd) -> Result<Vec<(OsString, FileType)>, DumpError> {
        let mut names = Vec::new();
        for entry in Dir::read_from(directory).map_err(|error| self.unreadable(error))? {
            let entry = entry.map_err(|error| self.unreadable(error))?;
            let name: &CStr = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                names.push((OsStr::from_bytes(name.to_bytes()).to_owned(), entry.file_type()));
            }
        }
        names.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(names)
    }

    fn kind(&self) -> Result<FileType, DumpError> {
        let stat = rustix::fs::statat(self.at(), self.name(), AtFlags::SYMLINK_NOFOLLOW);
        stat.map(|stat| FileType::from_raw_mode(stat.st_mode)).map_err(|error| self.unreadable(error))
    }

    fn opened(&self, more: OFlags) -> Result<OwnedFd, DumpError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY | more;
        rustix::fs::openat(self.at(), self.name(), flags, Mode::empty())
            .map_err(|error| self.unreadable(error))
    }

    /// The directory that the tree under way is in.
    fn at(&self) -> BorrowedFd<'_> {
        self.open.last().map_or(CWD, |level| level.fd.as_fd())
    }

    /// What the tree under way is called there: the whole path for the outermost.
    fn name(&self) -> &OsStr {
        match self.path.file_name() {
            Some(name) if !self.open.is_empty() => name,
            _ => self.path.as_os_str(),
        }
    }

    fn refused(&self, error: NarError) -> DumpError {
        DumpError::Write { path: self.path.clone(), error: error.into() }
    }

    fn unreadable(&self, error: Errno) -> DumpError {
        DumpError::Read { path: self.path.clone(), error: error.into() }
    }
}
