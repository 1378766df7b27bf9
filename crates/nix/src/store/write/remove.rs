//! Removing what an invalid path left behind.

use std::{
    ffi::CStr,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, Mode, OFlags},
    io::{Errno, Result},
    path::Arg,
};

/// Removes what is at `path`, if anything is; follows no link, and opens folders that may not be written to. Holds one
/// open file for each directory on the way.
pub(super) fn remove(path: &Path) -> Result<()> {
    path.into_with_c_str(|path| remove_at(CWD, path))
}

fn remove_at(at: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // Linux says the one of directories, POSIX the other.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(at, name, flags, Mode::empty())?;
    rustix::fs::fchmod(&directory, Mode::RWXU)?;
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            remove_at(directory.as_fd(), entry.file_name())?;
        }
    }
    rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR)
}
