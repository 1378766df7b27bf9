//! The arguments of `pin`.

use std::path::PathBuf;

use clap::Subcommand;

/// Which binary cache is meant.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CacheUrl {
    /// The cache, http://HOST/nix/NAME
    #[arg(long, value_name = "CACHE_URL", env = "SNOWBANK_CACHE")]
    pub to: String,
    /// A file that holds a token; else SNOWBANK_TOKEN is used
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// `pin`.
#[derive(Debug, Subcommand)]
pub(crate) enum Pin {
    /// Keep a path, with all that it refers to, whatever else goes
    Add {
        /// A name for it; a pin of the same name is replaced
        #[arg(value_name = "NAME")]
        name: String,
        /// A store path, or a link to one such as `result`
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// How long it is kept, such as `30d` [default: for good]
        #[arg(long, value_name = "SPAN")]
        expires: Option<String>,
        #[command(flatten)]
        cache: CacheUrl,
    },
    /// List what is pinned
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        cache: CacheUrl,
    },
    /// Remove a pin; what it kept goes when the cache's retention says so
    Remove {
        /// The pin's name
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        cache: CacheUrl,
    },
}
