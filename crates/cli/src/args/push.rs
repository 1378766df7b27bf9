//! The arguments of `push` and `watch-store`.

use std::path::PathBuf;

use super::client::Talk;

/// A binary cache that is pushed to.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Destination {
    /// The cache, http://HOST/nix/NAME
    #[arg(long, value_name = "CACHE_URL", env = "SNOWBANK_CACHE")]
    pub to: String,
    /// A file that holds a token; else SNOWBANK_TOKEN is used, else what Nix's netrc file has for the host
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// A private store root: the store is at ROOT/nix/store [default: the system's]
    #[arg(long = "store", value_name = "ROOT", env = "SNOWBANK_STORE")]
    pub root: Option<PathBuf>,
    /// An upstream cache; what it has signed is left out. May be repeated [default: `https://cache.nixos.org`]
    #[arg(long = "upstream", value_name = "URL")]
    pub upstreams: Vec<String>,
    /// Take the substituters and keys of this machine's Nix for upstream caches, too
    #[arg(long)]
    pub nix_upstreams: bool,
    /// A key of the upstream caches, NAME:BASE64. May be repeated [default: cache.nixos.org-1]
    #[arg(long = "upstream-key", value_name = "KEY")]
    pub upstream_keys: Vec<String>,
    /// Push also what an upstream cache has
    #[arg(long)]
    pub keep_upstream: bool,
}

/// `push`.
#[derive(Debug, clap::Args)]
pub(crate) struct Push {
    #[command(flatten)]
    pub destination: Destination,
    #[command(flatten)]
    pub talk: Talk,
    /// What to push with all that it refers to: store paths, or links to them; `-` for a list on standard input, one a line
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

/// `watch-store`.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchStore {
    #[command(flatten)]
    pub destination: Destination,
    /// After Ctrl-C or SIGTERM, push what is left for so long at most
    #[arg(long, value_name = "SPAN", default_value = "60s")]
    pub drain: String,
    #[command(flatten)]
    pub talk: Talk,
}
