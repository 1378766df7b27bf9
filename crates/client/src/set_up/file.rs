//! Reading a file that is to be changed, and putting a new one in its place.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid, fchown};

use crate::nix_conf::MAX_FILE;

/// Why a file is not changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// What it leads to is somebody else's to write.
    #[error("{} is a link to {}", file.display(), target.display())]
    Link {
        /// The file.
        file: PathBuf,
        /// Where it leads in the end, as far as that can be told.
        target: PathBuf,
    },
    /// A folder, a pipe, or a device.
    #[error("{} is no file", .0.display())]
    Special(PathBuf),
    /// More than [`MAX_FILE`] bytes.
    #[error("{} is larger than {MAX_FILE} bytes", .0.display())]
    TooLarge(PathBuf),
    /// Nobody has the right to write to it, not even its owner.
    #[error("{} is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// It could not be read.
    #[error("could not read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written; what was there still is.
    #[error("could not write {}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file as it was found.
#[derive(Debug)]
pub struct Found {
    file: PathBuf,
    /// What it holds; nothing if it is not there.
    pub bytes: Vec<u8>,
    meta: Option<Metadata>,
}

impl Found {
    /// Reads a file that is to be changed; one that is not there holds nothing.
    ///
    /// # Errors
    /// When it is a link, read-only, too large, or cannot be read.
    pub fn read(file: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Read { file: file.to_owned(), source };
        let meta = match fs::symlink_metadata(file) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { file: file.to_owned(), bytes: Vec::new(), meta: None });
            }
            Err(error) => return Err(failed(error)),
        };
        if meta.is_symlink() {
            let target = fs::canonicalize(file).or_else(|_| fs::read_link(file)).map_err(failed)?;
            return Err(FileError::Link { file: file.to_owned(), target });
        }
        if !meta.is_file() {
            return Err(FileError::Special(file.to_owned()));
        }
        // Root could, but somebody meant it.
        if meta.permissions().readonly() {
            return Err(FileError::ReadOnly(file.to_owned()));
        }
        let mut bytes = Vec::new();
        let opened = File::open(file).and_then(|open| open.take(MAX_FILE + 1).read_to_end(&mut bytes));
        opened.map_err(failed)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(FileError::TooLarge(file.to_owned()));
        }
        Ok(Self { file: file.to_owned(), bytes, meta: Some(meta) })
    }

    /// Puts a file with this content in its place, at once and durably, with the mode and the owner that it had. A
    /// `private` one is kept from all but its owner and group, a new one from all but its owner. False when it is
    /// so already.
    ///
    /// # Errors
    /// When it cannot be written; then what was there still is.
    pub fn replace(&self, bytes: &[u8], private: bool) -> Result<bool, FileError> {
        let had = self.meta.as_ref().map(|meta| meta.permissions().mode() & 0o7777);
        let mode = match (had, private) {
            (Some(had), true) => had & 0o7770,
            (Some(had), false) => had,
            (None, true) => 0o600,
            (None, false) => 0o644,
        };
        if had.is_none_or(|had| had == mode) && bytes == self.bytes {
            return Ok(false);
        }
        let written = self.write(bytes, mode);
        written.map_err(|source| FileError::Write { file: self.file.clone(), source })?;
        Ok(true)
    }

    fn write(&self, bytes: &[u8], mode: u32) -> io::Result<()> {
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut temporary = tempfile::Builder::new().prefix(".snowbank-").tempfile_in(folder)?;
        let new = temporary.as_file().metadata()?;
        if let Some(old) = &self.meta
            && (old.uid(), old.gid()) != (new.uid(), new.gid())
        {
            fchown(&temporary, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())))?;
        }
        temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
        temporary.write_all(bytes)?;
        temporary.as_file().sync_all()?;
        temporary.persist(&self.file)?;
        File::open(folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(file: &Path) -> u32 {
        file.metadata().unwrap().mode() & 0o7777
    }

    #[test]
    fn a_file_keeps_its_mode_and_a_private_one_loses_what_others_may() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("below/nix.conf");
        assert!(Found::read(&file).unwrap().replace(b"a", false).unwrap());
        assert!(!Found::read(&file).unwrap().replace(b"a", false).unwrap(), "nothing to do");
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(Found::read(&file).unwrap().replace(b"b", false).unwrap());
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"b".to_vec(), 0o640));
        let file = folder.path().join("netrc");
        Found::read(&file).unwrap().replace(b"a", true).unwrap();
        assert_eq!(mode(&file), 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert!(
            Found::read(&file).unwrap().replace(b"a", true).unwrap(),
            "its mode is what is wrong with it"
        );
        assert_eq!(mode(&file), 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn what_is_not_ours_to_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("target"), "x").unwrap();
        std::os::unix::fs::symlink(at("target"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nothing"), at("broken")).unwrap();
        for link in ["link", "broken"] {
            assert!(matches!(Found::read(&at(link)), Err(FileError::Link { .. })), "{link}");
        }
        assert!(matches!(Found::read(folder.path()), Err(FileError::Special(_))));
        fs::set_permissions(at("target"), Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(Found::read(&at("target")), Err(FileError::ReadOnly(_))));
        fs::write(at("large"), vec![b'#'; MAX_FILE as usize + 1]).unwrap();
        assert!(matches!(Found::read(&at("large")), Err(FileError::TooLarge(_))));
    }
}
