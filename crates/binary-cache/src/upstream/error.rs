//! Why a path could not be had from upstream caches.

use std::{io, sync::Arc};

use snowbank_nix::{
    hash::NarHash,
    nar_info::{Compression, NarInfoError},
    store_path::{StoreDir, StorePath},
};

use super::Failure;

/// Why a path could not be had from upstream caches. `host` is the cache's address without what only its user may
/// know.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// A URL that is not http, https or file.
    #[error("{0} cannot be an upstream cache: its URL must begin with http, https or file")]
    Url(String),
    /// No upstream has the path.
    #[error("no upstream cache has {path}")]
    Absent {
        /// The path.
        path: StorePath,
    },
    /// A server that is no binary cache.
    #[error("the upstream cache {host} is not used: it has no nix-cache-info")]
    NoCache {
        /// The server.
        host: String,
    },
    /// A cache for a store in another directory.
    #[error("the upstream cache {host} is not used: it is for the store {found:?}, not {wanted}")]
    OtherStore {
        /// The cache.
        host: String,
        /// The directory that it names.
        found: String,
        /// The directory of the store here.
        wanted: StoreDir,
    },
    /// The cache did not give something.
    #[error("cannot fetch {what} from the upstream cache {host}")]
    Failed {
        /// The cache.
        host: String,
        /// What was to be fetched.
        what: String,
        /// Why not; the same for all that is not asked for any more.
        #[source]
        source: Arc<Failure>,
    },
    /// A `.narinfo` that is none.
    #[error("the upstream cache {host} tells of {path} what cannot be read")]
    NarInfo {
        /// The cache.
        host: String,
        /// The path, or the hash part by which it was asked for.
        path: String,
        /// Why not.
        #[source]
        source: NarInfoProblem,
    },
    /// The cache has other content under this path.
    #[error("the upstream cache {host} has other content as {path} than was saved")]
    Differs {
        /// The cache.
        host: String,
        /// The path.
        path: StorePath,
    },
    /// The cache tells of another path than the one that was asked for.
    #[error("the upstream cache {host} tells of {found} where it was asked for {asked}")]
    Other {
        /// The cache.
        host: String,
        /// The hash part that was asked for.
        asked: String,
        /// The path that it tells of.
        found: StorePath,
    },
    /// What the cache tells of the path has no signature of its keys.
    #[error("the upstream cache {host} has {path} without a good signature of its keys")]
    Unsigned {
        /// The cache.
        host: String,
        /// The path.
        path: StorePath,
    },
    /// A NAR that is not what was signed.
    #[error("what the upstream cache {host} sent as {path} is not what it signed")]
    Content {
        /// The cache.
        host: String,
        /// The path.
        path: StorePath,
        /// In what.
        #[source]
        source: ContentProblem,
    },
    /// The one for whom the bytes are did not take them.
    #[error("cannot take what an upstream cache sends as {path}")]
    Sink {
        /// The path.
        path: StorePath,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl UpstreamError {
    /// Whether a cache, or the way to it, does not work: another time, the same may succeed. No statement about what
    /// the cache holds.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Failed { source, .. } if source.is_outage())
    }
}

/// Why a `.narinfo` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NarInfoProblem {
    /// Not in its form.
    #[error(transparent)]
    Form(#[from] NarInfoError),
    /// Not even text.
    #[error("it is not UTF-8")]
    Text,
    /// A URL that leads nowhere, or from a server to files of this machine.
    #[error("its URL leads nowhere")]
    Url,
}

/// In what a NAR is not what was signed.
#[derive(Debug, thiserror::Error)]
pub enum ContentProblem {
    /// A compression that cannot be read here.
    #[error("the compression {} is not supported", .0.name())]
    Unsupported(Compression),
    /// Not in its compression, cut off in the middle, or in need of too much memory.
    #[error("it cannot be decompressed")]
    Compression(#[source] io::Error),
    /// More bytes than signed.
    #[error("it has more than its {0} bytes")]
    TooLong(u64),
    /// Fewer bytes than signed.
    #[error("it has {found} of its {wanted} bytes")]
    TooShort {
        /// Bytes that came.
        found: u64,
        /// Bytes that were signed.
        wanted: u64,
    },
    /// Another hash than signed.
    #[error("its hash is {found}, not {wanted}")]
    Hash {
        /// The hash of what came.
        found: NarHash,
        /// The hash that was signed.
        wanted: NarHash,
    },
}
