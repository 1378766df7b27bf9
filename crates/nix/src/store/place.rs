//! Where a store lies.

use std::path::{Path, PathBuf};

use crate::store_path::{StoreDir, StorePath};

/// Where the files of a store lie that is said to be at `/nix/store`: there, or below a root folder, as Nix has it
/// with `--store ROOT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    root: PathBuf,
    dir: StoreDir,
    socket: Option<PathBuf>,
}

impl Place {
    /// The machine's own store.
    #[must_use]
    pub fn system() -> Self {
        Self::below(Path::new("/"))
    }

    /// A private store: `/nix/store` lies at `<root>/nix/store`.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), dir: StoreDir::default(), socket: None }
    }

    /// The root folder of a private store.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        Some(&*self.root).filter(|root| *root != Path::new("/"))
    }

    /// The store directory that paths are computed from and written with.
    #[must_use]
    pub const fn dir(&self) -> &StoreDir {
        &self.dir
    }

    /// The folder where the files of store paths really lie.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.root.join(self.dir.as_str().trim_start_matches('/'))
    }

    /// Where the files of `path` really lie.
    #[must_use]
    pub fn file(&self, path: &StorePath) -> PathBuf {
        self.store().join(path.base_name())
    }

    /// The folder of everything but the paths: database, roots, locks.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.root.join("nix/var/nix")
    }

    /// The same, whose daemon listens elsewhere: Nix takes `NIX_DAEMON_SOCKET_PATH` for that.
    #[must_use]
    pub fn listening_at(self, socket: PathBuf) -> Self {
        Self { socket: Some(socket), ..self }
    }

    /// Where the store's daemon listens, if there is one.
    #[must_use]
    pub fn daemon_socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| self.state().join("daemon-socket/socket"))
    }

    /// The database's file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.state().join("db/db.sqlite")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_store_lies_below_its_root() {
        let path: StorePath = "xv2iccirbrvklck36f1g7vldn5v58vck-a".parse().unwrap();
        for (place, root) in [(Place::system(), "/"), (Place::below(Path::new("/root")), "/root/")] {
            assert_eq!(place.file(&path), Path::new(&format!("{root}nix/store/{path}")));
            assert_eq!(place.database(), Path::new(&format!("{root}nix/var/nix/db/db.sqlite")));
            assert_eq!(place.dir().display(&path), format!("/nix/store/{path}"));
        }
    }
}
