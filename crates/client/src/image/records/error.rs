//! Why records of layers were not read or kept.

use snowbank_actions::client::ClientError;

use crate::series::{FindError, PublishError};

/// Why records of layers were not read or kept. Fit to be told in a warning: nothing is lost but time.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The cache does not tell, or takes none.
    #[error("what the cache knows of layers cannot be used: they are made anew where it matters")]
    Cache(#[source] ClientError),
    /// What is beside the snapshots cannot be read.
    #[error("what was saved of layers cannot be read: they are made anew where it matters")]
    Find(#[source] FindError),
    /// Nothing can be saved beside the snapshots.
    #[error("what the layers came to was not saved: the next push makes them anew")]
    Publish(#[source] PublishError),
    /// The service lets this job write nothing.
    #[error("what the layers came to was not saved, for the cache service refuses to store anything: {0}")]
    Denied(String),
}
