//! A layer that holds Nix's database of the store paths in an image, and roots for its collector: with them Nix works in a
//! container on the store as it was pushed.
//!
//! The layer is made as all others are: of a store path, which was made in memory.

mod content;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use snowbank_nix::closure::Closure;
use snowbank_nix::derivation;
use snowbank_nix::nar::WriteError;
use snowbank_nix::store::{NewDatabaseError, new_database};
use snowbank_nix::store_path::{StoreDir, StorePath, StorePathError};

use crate::config::Timestamp;
use crate::image::PlannedLayer;
use crate::layer::Perm;
use crate::made::MadePath;
use crate::tree::{Trees, read_file};

/// What people call the layer, and what its history says of it.
pub const NAME: &str = "nix database";

/// The name of the path that it is made of, which is in no store.
pub(crate) const PATH_NAME: &str = "nix-database";

/// Modes by what a file's path ends in; the last that matches counts. Nix itself gives them.
const MODES: [(&str, &str); 3] = [
    ("", "0755"),
    ("/nix/var/nix/db/[a-z.]+$", "0644"),
    ("/nix/var/nix/gcroots/(profiles|snowbank/.+)$", "0777"),
];

/// Nix's database of the paths in an image. Holds its bytes: at most [`MAX_DATABASE`](snowbank_nix::store::MAX_DATABASE), and
/// some 300 for each root.
#[derive(Clone, Debug)]
pub struct NixDatabase(MadePath);

/// Why a database cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NixDatabaseError {
    /// SQLite's part of it.
    #[error(transparent)]
    Database(#[from] NewDatabaseError),
    /// A derivation of the image cannot be read, whose outputs are to be in it.
    #[error("the outputs of {} cannot be read", .path.base_name())]
    Derivation {
        /// The derivation.
        path: StorePath,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The files around it.
    #[error("the layer of the Nix database cannot be made")]
    Content(#[from] WriteError),
    /// Its own path.
    #[error("the layer of the Nix database has no name")]
    Path(#[from] StorePathError),
}

impl NixDatabase {
    /// The database of a closure. Only derivations are read of it: Nix must know of their outputs. Blocks.
    ///
    /// # Errors
    /// When it would be too large, or a derivation cannot be read.
    pub fn new(closure: &Closure, trees: &dyn Trees, dir: &StoreDir) -> Result<Self, NixDatabaseError> {
        let mut outputs = BTreeMap::new();
        for path in closure.iter().map(|info| &info.path).filter(|path| path.is_derivation()) {
            let failed = |source: Box<dyn Error + Send + Sync>| NixDatabaseError::Derivation {
                path: path.clone(),
                source,
            };
            let text =
                read_file(trees, path, derivation::MAX_TEXT as u64).map_err(|error| failed(error.into()))?;
            let told = derivation::outputs(&text, dir).map_err(|error| failed(error.into()))?;
            outputs.insert(path.clone(), told);
        }
        let nar = content::nar(&new_database(closure, &outputs, dir)?, closure, dir)?;
        Ok(Self(MadePath::new(PATH_NAME, nar.into())?))
    }

    /// The layer that holds it, which belongs above those of the paths.
    #[must_use]
    pub fn layer(&self, created: &Timestamp) -> PlannedLayer {
        let perm = |(regex, mode): (&str, &str)| Perm {
            regex: regex.to_owned(),
            mode: mode.to_owned(),
            ..Perm::default()
        };
        self.0.layer(NAME, MODES.map(perm).into(), created)
    }

    /// Other paths' contents, and that of the layer's.
    #[must_use]
    pub fn among(self, others: Arc<dyn Trees>) -> Arc<dyn Trees> {
        self.0.among(others)
    }
}

#[cfg(test)]
mod tests;
