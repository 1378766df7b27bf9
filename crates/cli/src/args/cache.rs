//! The arguments of `cache`.

use std::path::PathBuf;

use clap::Subcommand;

use super::State;

/// Which server `cache` talks to.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Remote {
    /// The server
    #[arg(long, value_name = "URL", env = "SNOWBANK_SERVER", default_value = "http://127.0.0.1:8484")]
    pub server: String,
    /// A file that holds an admin token; else SNOWBANK_TOKEN is used, else one is minted from the data folder
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub state: State,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Which caches.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only this repository
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    /// Only keys that begin so
    #[arg(long, value_name = "PREFIX")]
    pub key_prefix: Option<String>,
    /// Only this exact key
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Only this git ref
    #[arg(long = "ref", value_name = "REF")]
    pub scope: Option<String>,
}

/// GitHub in the place of a Snowbank server.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Github {
    /// Ask GitHub about one repository: --repo, else GITHUB_REPOSITORY
    ///
    /// The token is taken from GH_TOKEN, then from GITHUB_TOKEN, the API's address from GITHUB_API_URL. A Snowbank
    /// server has the same API.
    #[arg(long)]
    pub github: bool,
    /// The job's cache service, which alone tells which packs belong to a snapshot; a job's own where it is known
    ///
    /// The token for it is taken from SNOWBANK_TOKEN, then from ACTIONS_RUNTIME_TOKEN.
    #[arg(long, value_name = "URL", env = "SNOWBANK_REMOTE")]
    pub remote: Option<String>,
}

/// `cache`.
#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// List caches, the latest used first
    ///
    /// On GitHub a snapshot is one line, with its packs.
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u64,
        /// All, and not only so many
        #[arg(long, requires = "github", conflicts_with = "limit")]
        all: bool,
        /// Only those that nobody used for so long
        #[arg(long, value_name = "SPAN", requires = "github")]
        older_than: Option<String>,
        #[command(flatten)]
        github: Github,
        #[command(flatten)]
        remote: Remote,
    },
    /// Delete caches, by id or by filter
    ///
    /// On GitHub a snapshot's packs go with it, unless another snapshot names them or that is not known.
    Delete {
        /// The number that `cache list` shows
        #[arg(conflicts_with_all = ["key_prefix", "key", "scope"])]
        id: Option<i64>,
        #[command(flatten)]
        filter: Filter,
        /// Everything in the repository, or in the ref that --ref names
        #[arg(long, requires = "github", conflicts_with_all = ["id", "key", "key_prefix"])]
        all: bool,
        /// Only those that nobody used for so long
        #[arg(long, value_name = "SPAN", requires = "github", conflicts_with_all = ["id", "all"])]
        older_than: Option<String>,
        /// Do not ask on a terminal
        #[arg(long, requires = "github")]
        yes: bool,
        #[command(flatten)]
        github: Github,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show what each repository uses of its limit, and what is on the disk
    Usage {
        /// Only this repository
        #[arg(long, value_name = "OWNER/NAME", requires = "github")]
        repo: Option<String>,
        #[command(flatten)]
        github: Github,
        #[command(flatten)]
        remote: Remote,
    },
}
