//! The arguments of `pull`.

use std::path::PathBuf;

use super::client::{Talk, Trust, WriterKind};

/// `pull`.
#[derive(Debug, clap::Args)]
pub(crate) struct Pull {
    /// The cache, http://HOST/nix/NAME
    #[arg(long, value_name = "CACHE_URL", env = "SNOWBANK_CACHE")]
    pub from: String,
    /// A private store root: the store is at ROOT/nix/store [default: the system's]
    #[arg(long = "store", value_name = "ROOT", env = "SNOWBANK_STORE")]
    pub root: Option<PathBuf>,
    #[command(flatten)]
    pub trust: Trust,
    /// Who writes to the store
    #[arg(long, value_enum, default_value_t)]
    pub writer: WriterKind,
    /// Stop before less than this is free on the store's disk
    #[arg(long, value_name = "SIZE", default_value = "5GB")]
    pub min_free: String,
    /// Keep what was pulled from the garbage collector while this link is there; LINK-2 and so on for further paths
    #[arg(long, value_name = "LINK")]
    pub gc_root: Option<PathBuf>,
    #[command(flatten)]
    pub talk: Talk,
    /// What to fetch: store paths
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<String>,
}
