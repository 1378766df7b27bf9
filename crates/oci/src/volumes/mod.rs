//! A layer with the folders that outlive a container, for an image whose program is not root.
//!
//! Whoever runs a container makes a folder that is missing, and it is root's; of one that is there, owner and mode are those of
//! the new volume. Source: Docker's `VOLUME`, which Podman follows.

mod content;

use std::collections::BTreeSet;
use std::sync::Arc;

use snowbank_nix::nar::WriteError;
use snowbank_nix::store_path::StorePathError;

use crate::config::Timestamp;
use crate::image::PlannedLayer;
use crate::layer::Perm;
use crate::made::MadePath;
use crate::tree::Trees;
use content::Folder;

/// What people call the layer, and what its history says of it.
pub const NAME: &str = "volumes";

/// The name of the path that it is made of, which is in no store.
pub(crate) const PATH_NAME: &str = "volumes";

/// Names in a folder's path at most; what is read again has bounds of its own.
const MOST_NAMES: usize = 64;

/// Whom the folders belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

impl Owner {
    /// A config's `User` where it is numbers: `UID` or `UID:GID`. Who has no group is in root's, as runtimes have it.
    #[must_use]
    pub fn of(user: &str) -> Option<Self> {
        let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
        Some(Self { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
    }
}

/// Folders of an image, empty and of one owner, whom alone they let in.
#[derive(Clone, Debug)]
pub struct Volumes {
    made: MadePath,
    folders: BTreeSet<String>,
    owner: Owner,
}

/// Why there can be no such folders.
#[derive(Debug, thiserror::Error)]
pub enum VolumesError {
    /// A path that is none, or that of the root.
    #[error("{0:?} is not the absolute path of a folder")]
    Folder(String),
    /// The archive.
    #[error("the layer of the volumes cannot be made")]
    Content(#[from] WriteError),
    /// Its own path.
    #[error("the layer of the volumes has no name")]
    Path(#[from] StorePathError),
}

impl Volumes {
    /// Folders by their absolute paths.
    ///
    /// # Errors
    /// When a path is none.
    pub fn new<'a>(folders: impl IntoIterator<Item = &'a str>, owner: Owner) -> Result<Self, VolumesError> {
        let (mut root, mut paths) = (Folder::default(), BTreeSet::new());
        for folder in folders {
            let names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
            let named = |name: &&str| ![".", ".."].contains(name) && !name.contains('\0');
            if !folder.starts_with('/')
                || !(1..=MOST_NAMES).contains(&names.len())
                || !names.iter().all(named)
            {
                return Err(VolumesError::Folder(folder.to_owned()));
            }
            paths.insert(format!("/{}", names.join("/")));
            root.add(names);
        }
        Ok(Self { made: MadePath::new(PATH_NAME, root.nar()?.into())?, folders: paths, owner })
    }

    /// The layer that holds them. It belongs below all others, so that a folder which those have, too, is theirs.
    #[must_use]
    pub fn layer(&self, created: &Timestamp) -> PlannedLayer {
        let around = Perm { mode: "0755".to_owned(), ..Perm::default() };
        let own = self.folders.iter().map(|folder| Perm {
            regex: format!("-{PATH_NAME}{}$", regex::escape(folder)),
            mode: "0700".to_owned(),
            uid: self.owner.uid.into(),
            gid: self.owner.gid.into(),
            // What reads names before numbers would take the name of root.
            uname: self.owner.uid.to_string(),
            gname: self.owner.gid.to_string(),
            ..Perm::default()
        });
        self.made.layer(NAME, std::iter::once(around).chain(own).collect(), created)
    }

    /// Other paths' contents, and that of the layer's.
    #[must_use]
    pub fn among(self, others: Arc<dyn Trees>) -> Arc<dyn Trees> {
        self.made.among(others)
    }
}

#[cfg(test)]
mod tests;
