//! A bucket in a local folder.
//!
//! The `object_store` crate's local store lists and measures; writing and reading are done here, because its
//! writer trusts a folder that another writer has made and not yet synced, leaves its temporary file when the
//! last step fails, and works on the threads that serve connections; its reader allocates every block anew.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::SpooledFile;

/// How often a publication makes its folder again after a deletion took it away as empty.
const ATTEMPTS: usize = 8;

/// A local folder. Methods wait for the disk.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    root: PathBuf,
}

/// An object that is deleted again unless it is kept: whoever asked for it may have gone away.
#[derive(Debug)]
pub(super) struct Published {
    directory: Directory,
    name: Option<String>,
}

impl Published {
    pub(super) fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            // What cannot be deleted now is found when the bucket is listed.
            let _ = self.directory.delete(&name);
        }
    }
}

impl Directory {
    /// The folder's name for temporary files, on the same file system as the objects.
    pub(super) const TEMPORARY: &'static str = "tmp";

    /// Opens the folder, making it and its folder for temporary files.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let new = !root.exists();
        fs::create_dir_all(root.join(Self::TEMPORARY))?;
        let root = root.canonicalize()?;
        sync_folder(&root)?;
        if let Some(parent) = root.parent().filter(|_| new) {
            sync_folder(parent)?;
        }
        Ok(Self { root })
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.root.join(Self::TEMPORARY)
    }

    pub(super) fn open_object(&self, name: &str) -> io::Result<File> {
        File::open(self.root.join(name))
    }

    /// Makes a spooled file the object `name`; durable when it returns.
    pub(super) fn publish(&self, spooled: SpooledFile, name: &str) -> io::Result<Published> {
        spooled.sync()?;
        let path = self.root.join(name);
        let folder = path.parent().unwrap_or(&self.root);
        let mut from = spooled.into_path();
        let mut attempt = 1;
        loop {
            match from.persist(&path) {
                Ok(()) => break,
                Err(failed) if failed.error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => {
                    attempt += 1;
                    from = failed.path;
                    match fs::create_dir_all(folder) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                        _ => {}
                    }
                }
                Err(failed) => return Err(failed.error),
            }
        }
        let published = Published { directory: self.clone(), name: Some(name.to_owned()) };
        // Every folder up to the root, each time: another writer may have made one and not have synced it yet.
        for folder in folder.ancestors().take_while(|folder| folder.starts_with(&self.root)) {
            sync_folder(folder)?;
        }
        Ok(published)
    }

    /// Deletes the object, if it is there, and the folders that it leaves empty. A deletion that a power cut
    /// undoes is an orphan, found when the bucket is listed.
    pub(super) fn delete(&self, name: &str) -> io::Result<()> {
        let path = self.root.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.root) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spooled(directory: &Directory, bytes: &[u8]) -> SpooledFile {
        let mut spooled = SpooledFile::new(&directory.temporary()).unwrap();
        spooled.append(bytes).unwrap();
        spooled
    }

    #[test]
    fn what_nobody_keeps_goes_with_its_folders() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        drop(directory.publish(spooled(&directory, b"gone"), "uploads/1/a").unwrap());
        assert!(!folder.path().join("uploads").exists());
        assert_eq!(directory.temporary().read_dir().unwrap().count(), 0);
        directory.publish(spooled(&directory, b"kept"), "uploads/1/a").unwrap().keep();
        assert_eq!(fs::read(folder.path().join("uploads/1/a")).unwrap(), b"kept");
    }

    #[test]
    fn publishing_and_deleting_in_one_folder_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let directory = &directory;
                scope.spawn(move || {
                    for _ in 0..50 {
                        let name = format!("uploads/1/{thread}");
                        directory.publish(spooled(directory, b"x"), &name).unwrap().keep();
                        directory.delete(&name).unwrap();
                    }
                });
            }
        });
        assert!(!folder.path().join("uploads").exists());
    }
}
