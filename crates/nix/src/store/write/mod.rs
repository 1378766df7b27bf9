//! Writing to a store as Nix does: beside a daemon, builds and the garbage collector.

mod error;
mod gc_root;
mod lock;
mod realise;
mod register;
mod remove;
mod temp_roots;

use std::{collections::BTreeSet, os::fd::OwnedFd, path::PathBuf};

use rusqlite::Connection;
use rustix::fs::FlockOperation;

pub use error::WriteError;
pub use gc_root::add_gc_root;

use super::{LocalStore, Place};
use crate::store_path::StorePath;
use lock::PathLock;
use temp_roots::TempRoots;

/// A store that is open for writing, under the locks that Nix's processes take.
///
/// A path is [claimed](Self::claim), its files are made at the claim's place (by a
/// [`Restorer`](crate::nar::Restorer), for the metadata must be canonical), and it is
/// [registered](Self::register). What was claimed is safe from the garbage collector until the writer is dropped.
#[derive(Debug)]
pub struct StoreWriter {
    store: LocalStore,
    connection: Connection,
    roots: TempRoots,
    /// Shared by everybody who has the database open; exclusive for who changes its schema.
    _everybody: OwnedFd,
}

/// A path that is not valid, locked so that nobody else makes it. The files that were there are removed. Dropped
/// without being registered, it leaves files that Nix removes as garbage.
#[derive(Debug)]
pub struct Claim {
    path: StorePath,
    file: PathBuf,
    _lock: PathLock,
}

impl Claim {
    /// The path.
    #[must_use]
    pub const fn path(&self) -> &StorePath {
        &self.path
    }

    /// Where its files belong; nothing is there.
    #[must_use]
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// Gives the path up, and removes what was made of it.
    ///
    /// # Errors
    /// When something cannot be removed; Nix will do it then.
    pub fn discard(self) -> Result<(), WriteError> {
        remove::remove(&self.file).map_err(error::file("remove", &self.file))
    }
}

impl StoreWriter {
    /// Opens the store at `place`, whose owner the process must be.
    ///
    /// # Errors
    /// When there is none, it may not be written to, or anything in its database is unknown.
    pub fn open(place: Place) -> Result<Self, WriteError> {
        // Before the lock, to say so if there is no store; after it, to see what an upgrade may have made of it.
        LocalStore::open(place.clone())?;
        let path = place.database().with_file_name("big-lock");
        let everybody = lock::open(&path)?;
        lock::wait(&everybody, &path, FlockOperation::LockShared)?;
        let store = LocalStore::open(place)?;
        store.check_writable()?;
        let connection = register::connect(store.place())?;
        let roots = TempRoots::new(store.place())?;
        Ok(Self { store, connection, roots, _everybody: everybody })
    }

    /// The same store, for reading.
    #[must_use]
    pub const fn store(&self) -> &LocalStore {
        &self.store
    }

    /// Keeps `paths` from the garbage collector until the writer is dropped.
    ///
    /// # Errors
    /// When a collector that runs cannot be told.
    pub fn keep<'a>(&mut self, paths: impl IntoIterator<Item = &'a StorePath>) -> Result<(), WriteError> {
        self.roots.add(paths)
    }

    /// Keeps `paths`, and claims those that are not valid: waits for whoever is making one, and removes what is left
    /// of earlier attempts. Every claim holds one file open.
    ///
    /// Call it once at a time: who holds claims and waits for more could wait for somebody who waits in turn.
    ///
    /// # Errors
    /// When a lock cannot be had, or something cannot be removed.
    pub fn claim(&mut self, paths: &BTreeSet<StorePath>) -> Result<Vec<Claim>, WriteError> {
        self.keep(paths)?;
        let mut claims = Vec::new();
        // In sorted order, as everybody takes them.
        for path in paths {
            if !self.store.is_valid(path)? {
                let lock = PathLock::acquire(&self.store.place().file(path))?;
                claims.extend(self.locked(path, lock)?);
            }
        }
        Ok(claims)
    }

    /// [`Self::claim`] without waiting: also returns the paths that somebody else is making now. It may be called with
    /// claims held.
    ///
    /// # Errors
    /// As [`Self::claim`].
    pub fn try_claim(
        &mut self,
        paths: &BTreeSet<StorePath>,
    ) -> Result<(Vec<Claim>, BTreeSet<StorePath>), WriteError> {
        self.keep(paths)?;
        let (mut claims, mut busy) = (Vec::new(), BTreeSet::new());
        for path in paths {
            if self.store.is_valid(path)? {
                continue;
            }
            match PathLock::attempt(&self.store.place().file(path))? {
                Some(lock) => claims.extend(self.locked(path, lock)?),
                None => {
                    busy.insert(path.clone());
                }
            }
        }
        Ok((claims, busy))
    }

    /// The claim of a path whose lock is held, unless whoever had it before has made the path.
    fn locked(&self, path: &StorePath, lock: PathLock) -> Result<Option<Claim>, WriteError> {
        if self.store.is_valid(path)? {
            return Ok(None);
        }
        let file = self.store.place().file(path);
        remove::remove(&file).map_err(error::file("remove", &file))?;
        Ok(Some(Claim { path: path.clone(), file, _lock: lock }))
    }
}
