//! Why a store could not be saved.

use snowbank_actions::client::ClientError;

use super::ReadError;
use crate::packs::StoreError;
use crate::series::{FindError, PublishError};

/// Why a store could not be saved; nothing of it is visible.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The service did not answer as it should.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What was saved before cannot be looked for.
    #[error("cannot look for what was saved before")]
    Find(#[from] FindError),
    /// Paths cannot be made into packs.
    #[error("cannot make packs of what is new")]
    Read(#[from] ReadError),
    /// A pack cannot be stored.
    #[error("cannot store a pack")]
    Store(#[from] StoreError),
    /// The index cannot be stored.
    #[error("cannot store the index")]
    Publish(#[from] PublishError),
    /// A thread of the save came to an unexpected end.
    #[error("a part of the save came to an unexpected end")]
    Lost,
}
