//! Why a closure could not be pushed.

use snowbank_actions::client::ClientError;

use crate::packing::{ReadError, ShelfError};

/// Why a closure could not be pushed; nothing of it is visible.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The server did not answer as it should, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Paths cannot be made into packs.
    #[error("cannot make packs of what is new")]
    Read(#[from] ReadError),
    /// A pack's file cannot be read back.
    #[error("cannot read a pack from its temporary file")]
    Spool(#[source] std::io::Error),
    /// More paths than one publication may have.
    #[error("the closure has {paths} paths, and {most} can be pushed at once")]
    TooMany {
        /// How many there are.
        paths: usize,
        /// How many there may be.
        most: usize,
    },
    /// The server's answer makes no sense.
    #[error("the server's answer makes no sense: {0}")]
    Answer(&'static str),
    /// A part of the push came to an unexpected end.
    #[error("a part of the push came to an unexpected end")]
    Lost,
}

impl From<ShelfError> for PushError {
    fn from(error: ShelfError) -> Self {
        Self::Read(error.into())
    }
}
