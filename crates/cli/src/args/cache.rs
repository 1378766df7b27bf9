//! The arguments of `cache`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::State;

/// Which server `cache` talks to.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Remote {
    /// A Snowbank server [default: the state that --data or --config names, else in a GitHub job GitHub, else
    /// http://127.0.0.1:8484]
    #[arg(long, value_name = "URL", env = "SNOWBANK_SERVER")]
    pub server: Option<String>,
    /// A file that holds a token; else SNOWBANK_TOKEN is used, else an admin token is minted from the data folder
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub state: State,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl Remote {
    /// Whether a state is named, and no server.
    pub(crate) fn is_state(&self) -> bool {
        let State { data, config, database, .. } = &self.state;
        self.server.is_none() && (data.is_some() || config.is_some() || database.is_some())
    }
}

/// Which caches.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only this repository
    ///
    /// A Snowbank server is then asked by GitHub's API, for which a token to manage caches or a job's will do; without
    /// it all repositories are meant, and only an admin token will.
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
    /// The token is taken from GH_TOKEN, then from GITHUB_TOKEN, the API's address from GITHUB_API_URL.
    #[arg(long, conflicts_with = "token_file")]
    pub github: bool,
    /// The job's cache service, which alone tells which packs belong to a snapshot; a job's own where it is known
    ///
    /// The token for it is taken from SNOWBANK_TOKEN, then from ACTIONS_RUNTIME_TOKEN.
    #[arg(long, value_name = "URL", env = "SNOWBANK_REMOTE")]
    pub remote: Option<String>,
}

/// What a list is sorted by, under the names of GitHub's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// When it was last used
    #[value(name = "last_accessed_at")]
    Accessed,
    /// When it was saved
    #[value(name = "created_at")]
    Created,
    /// Its size, with what belongs to it
    #[value(name = "size_in_bytes")]
    Size,
}

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// The oldest or smallest
    Asc,
    /// The latest or largest
    Desc,
}

/// `cache list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub filter: Filter,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    pub limit: u64,
    /// All, and not only so many; of one repository
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// Only those that nobody used for so long; of one repository
    #[arg(long, value_name = "SPAN")]
    pub older_than: Option<String>,
    /// What comes first; of one repository [default: last_accessed_at]
    #[arg(long)]
    pub sort: Option<Sort>,
    /// Which end comes first; of one repository [default: desc]
    #[arg(long)]
    pub order: Option<Order>,
    #[command(flatten)]
    pub github: Github,
    #[command(flatten)]
    pub remote: Remote,
}

/// `cache delete`.
#[derive(Debug, clap::Args)]
pub(crate) struct Delete {
    /// Numbers that `cache list` shows, or complete keys; what is all digits is a number
    #[arg(value_name = "ID|KEY", conflicts_with_all = ["key_prefix", "key"])]
    pub which: Vec<String>,
    #[command(flatten)]
    pub filter: Filter,
    /// Everything in the repository, or in the ref that --ref names
    #[arg(long, conflicts_with_all = ["which", "key", "key_prefix"])]
    pub all: bool,
    /// Only those that nobody used for so long; of one repository
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["which", "all"])]
    pub older_than: Option<String>,
    /// Only say what would be deleted; of one repository
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask, on a terminal
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub github: Github,
    #[command(flatten)]
    pub remote: Remote,
}

/// `cache usage`.
#[derive(Debug, clap::Args)]
pub(crate) struct Usage {
    /// Only this repository
    #[arg(long, value_name = "OWNER/NAME")]
    pub repo: Option<String>,
    #[command(flatten)]
    pub github: Github,
    #[command(flatten)]
    pub remote: Remote,
}

/// `cache`.
#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// List caches, the latest used first
    ///
    /// Of one repository, a snapshot is one line, with its packs.
    List(Box<List>),
    /// Delete caches, by id, by key or by filter
    ///
    /// Of one repository, a snapshot's packs go with it, unless another snapshot names them or that is not known.
    Delete(Box<Delete>),
    /// Show what each repository uses of its limit, and what is on the disk
    Usage(Box<Usage>),
}
