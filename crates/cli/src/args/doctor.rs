//! The arguments of `doctor`.

use std::path::PathBuf;

/// `doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// The repository [default: GITHUB_REPOSITORY, else the token's]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// The key that a job looks up: a series of `snowbank`, or one of actions/cache
    #[arg(long)]
    pub key: Option<String>,
    /// What else will do: a prefix of keys. May be repeated, in the order of preference
    #[arg(long = "restore-key", value_name = "PREFIX")]
    pub restore_keys: Vec<String>,
    /// The cache service, or a folder with snapshots; a job's own service where it is known
    ///
    /// The token for a URL is taken from SNOWBANK_TOKEN, then from ACTIONS_RUNTIME_TOKEN.
    #[arg(long, value_name = "URL|DIR", env = "SNOWBANK_REMOTE")]
    pub remote: Option<String>,
    /// The Snowbank server that knows which keys there are [default: the one of --remote, else GitHub]
    ///
    /// Its token is taken from SNOWBANK_TOKEN, that for GitHub from GH_TOKEN, then from GITHUB_TOKEN.
    #[arg(long, value_name = "URL", env = "SNOWBANK_SERVER")]
    pub server: Option<String>,
    /// The binary cache that Nix is to use, http://HOST/nix/NAME
    #[arg(long, value_name = "CACHE_URL", env = "SNOWBANK_CACHE")]
    pub from: Option<String>,
    /// A private store root: the store is at ROOT/nix/store [default: the system's]
    #[arg(long = "store", value_name = "ROOT", env = "SNOWBANK_STORE")]
    pub store: Option<PathBuf>,
    /// A lock file that the key hashes, from the workspace. May be repeated [default: flake.lock]
    #[arg(long = "lock-file", value_name = "FILE")]
    pub lock_files: Vec<String>,
    /// A line of `path:` of actions/cache, as the workflow has it. May be repeated, in its order
    #[arg(long = "path", value_name = "PATH")]
    pub paths: Vec<String>,
    /// The folder with the repository [default: the current one]
    #[arg(
        long,
        value_name = "DIR",
        env = "GITHUB_WORKSPACE",
        default_value = ".",
        hide_default_value = true
    )]
    pub workspace: PathBuf,
    /// Ask no server
    #[arg(long)]
    pub offline: bool,
    /// Print the findings as a JSON array of `{id, level, title, seen, hints}`
    #[arg(long)]
    pub json: bool,
}
