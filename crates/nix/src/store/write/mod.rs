//! Writing to a store as Nix does: beside a daemon, builds and the garbage collector.

mod error;
mod lock;
mod realise;
mod register;
mod remove;
mod temp_roots;

use std::{collections::BTreeSet, os::fd::OwnedFd, path::PathBuf};

use rusqlite::Connection;
use rustix::fs::FlockOperation;

pub use error::WriteError;

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

    /// Removes the files that were made, and gives the claim up. Not for what was registered.
    ///
    /// # Errors
    /// When something cannot be removed; Nix removes it as garbage then.
    pub fn discard(self) -> Result<(), WriteError> {
        remove::remove(&self.file).map_err(error::file("remove", &self.file))
    }
}

/// What became of an attempt to claim paths.
#[derive(Debug, Default)]
pub struct Attempt {
    /// Those that were claimed.
    pub claims: Vec<Claim>,
    /// Those that somebody else is making right now.
    pub busy: BTreeSet<StorePath>,
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
        Ok(self.claim_by(paths, |file| PathLock::acquire(file).map(Some))?.claims)
    }

    /// [`Self::claim`] without waiting: says which paths somebody else is making. What is neither claimed nor busy is
    /// valid. May be called while claims are held.
    ///
    /// # Errors
    /// When a lock cannot be had, or something cannot be removed.
    pub fn try_claim(&mut self, paths: &BTreeSet<StorePath>) -> Result<Attempt, WriteError> {
        self.claim_by(paths, PathLock::attempt)
    }

    fn claim_by(
        &mut self,
        paths: &BTreeSet<StorePath>,
        lock: impl Fn(&std::path::Path) -> Result<Option<PathLock>, WriteError>,
    ) -> Result<Attempt, WriteError> {
        self.keep(paths)?;
        let mut attempt = Attempt::default();
        // In sorted order, as everybody takes them.
        for path in paths {
            if self.store.is_valid(path)? {
                continue;
            }
            let file = self.store.place().file(path);
            let Some(lock) = lock(&file)? else {
                attempt.busy.insert(path.clone());
                continue;
            };
            // Whoever had the lock may have made it.
            if !self.store.is_valid(path)? {
                remove::remove(&file).map_err(error::file("remove", &file))?;
                attempt.claims.push(Claim { path: path.clone(), file, _lock: lock });
            }
        }
        Ok(attempt)
    }
}
