//! The arguments of `pull`.

use std::path::PathBuf;

use super::client::{Talk, WriterKind};

/// `pull`.
#[derive(Debug, clap::Args)]
pub(crate) struct Pull {
    /// The cache, http://HOST/nix/NAME
    #[arg(long, value_name = "CACHE_URL", env = "SNOWBANK_CACHE")]
    pub from: String,
    /// A private store root: the store is at ROOT/nix/store [default: the system's]
    #[arg(long = "store", value_name = "ROOT", env = "SNOWBANK_STORE")]
    pub root: Option<PathBuf>,
    /// A key that is believed, NAME:BASE64. May be repeated [default: trusted-public-keys of nix.conf]
    #[arg(long = "public-key", value_name = "KEY")]
    pub public_keys: Vec<String>,
    /// Believe the cache whatever it says
    #[arg(long, conflicts_with = "public_keys")]
    pub no_check_sigs: bool,
    /// A cache that has what this one leaves out. May be repeated [default: `https://cache.nixos.org`]
    #[arg(long = "upstream", value_name = "URL")]
    pub upstreams: Vec<String>,
    /// A key of those caches, NAME:BASE64. May be repeated [default: cache.nixos.org-1]
    #[arg(long = "upstream-key", value_name = "KEY")]
    pub upstream_keys: Vec<String>,
    /// Who writes to the store
    #[arg(long, value_enum, default_value_t)]
    pub writer: WriterKind,
    /// Stop before less than this is free on the store's disk
    #[arg(long, value_name = "SIZE", default_value = "5GB")]
    pub min_free: String,
    /// Keep what was pulled from the garbage collector while this link is there; LINK-2 and so on for further paths
    #[arg(long, value_name = "LINK")]
    pub gc_root: Option<PathBuf>,
    /// A file that holds a token; else SNOWBANK_TOKEN is used, else what Nix's netrc file has for the host
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub talk: Talk,
    /// What to fetch: store paths
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<String>,
}
