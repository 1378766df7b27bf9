//! Why nothing was pulled.

use snowbank_actions::client::ClientError;
use snowbank_binary_cache::upstream::UpstreamError;
use snowbank_nix::closure::ClosureError;
use snowbank_nix::store::StoreError;
use snowbank_nix::store_path::StorePath;

use super::plan::PlanError;
use crate::restore::RestoreError;

/// Paths that an error names.
const NAMED: usize = 5;

/// Why nothing was pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The server did not tell what there is.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What it told cannot be.
    #[error("what the server tells of the closure cannot be")]
    Plan(#[from] PlanError),
    /// The cache does not have what is wanted.
    #[error("the cache does not have {}", named(.0))]
    Absent(Vec<StorePath>),
    /// Nobody who is trusted answers for what the cache has.
    #[error("no trusted key has signed {}, and content alone does not prove what the cache says of it", named(.0))]
    Unsigned(Vec<StorePath>),
    /// The cache and its upstreams do not have all that is referred to.
    #[error("neither the cache nor an upstream cache has {}", named(.0))]
    Incomplete(Vec<StorePath>),
    /// An upstream cache could not be asked for what the cache leaves to it.
    #[error("an upstream cache did not tell of {path}")]
    Upstream {
        /// The path.
        path: StorePath,
        /// Why not.
        #[source]
        error: Box<UpstreamError>,
    },
    /// The references make no closure.
    #[error("the references that the cache tells of make no closure")]
    Closure(#[from] ClosureError),
    /// The local store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing could be written.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A thread came to an unexpected end.
    #[error("a part of the pull came to an unexpected end")]
    Lost,
}

/// Some of these paths, for a message.
pub(crate) fn named(paths: &[StorePath]) -> String {
    let some = paths.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(NAMED) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}
