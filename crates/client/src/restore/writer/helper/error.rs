//! Why there is no helper, or no longer.

use std::io;

use super::super::WriterError;

/// Why there is no helper, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// It cannot be started.
    #[error("cannot start the helper that writes to the store")]
    Start(#[source] io::Error),
    /// It ended, or did not come.
    #[error("the helper that writes to the store does not come: {0}")]
    Absent(String),
    /// It is there and cannot write.
    #[error("the helper cannot write to the store: {0}")]
    Refused(String),
    /// It does not answer.
    #[error("the helper that writes to the store is gone")]
    Gone(#[source] io::Error),
    /// It says what was not asked.
    #[error("the helper that writes to the store says something else")]
    Confused,
}

pub(super) const fn gone(error: io::Error) -> HelperError {
    HelperError::Gone(error)
}

pub(super) fn lost(error: HelperError) -> WriterError {
    WriterError(Box::new(error))
}
