//! The command line.

pub(crate) mod cache;
pub(crate) mod client;
pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod image;
pub(crate) mod pin;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod token;
pub(crate) mod use_cache;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::log::LogFormat;

/// A cache that makes Nix fast in CI
#[derive(Debug, Parser)]
#[command(name = "snowbank", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Args {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Restore a Nix store, run a command, save what is new
    Run(Box<client::Run>),
    /// Restore the newest snapshot of a Nix store
    Restore(Box<client::Restore>),
    /// Save what is new in a Nix store
    Save(Box<client::Save>),
    /// Fetch paths from a binary cache of a Snowbank server, with all that they refer to
    Pull(Box<pull::Pull>),
    /// Push store paths to a binary cache of a Snowbank server, with all that they refer to
    ///
    /// Only chunks that the cache lacks are sent, and all paths become visible at once.
    Push(Box<push::Push>),
    /// Push what is built, while it is built, to a binary cache of a Snowbank server
    ///
    /// Whatever is registered in the store while this runs is pushed, but for derivations and what upstream caches have. A
    /// server that is away is waited for.
    WatchStore(Box<push::WatchStore>),
    /// Push container images, sending only the layers that the registry lacks
    #[command(subcommand)]
    Image(image::Image),
    /// Run the cache service
    ///
    /// Without arguments: SQLite and a folder, on 127.0.0.1:8484, with secrets that are made on the first start.
    Serve(Serve),
    /// Make, list and revoke tokens for jobs, binary caches and administrators
    #[command(subcommand)]
    Token(token::Token),
    /// Make keys that sign what binary caches serve
    #[command(subcommand)]
    Key(Key),
    /// List, delete and count the caches of a running server, or of a repository on GitHub
    #[command(subcommand)]
    Cache(cache::Cache),
    /// Name paths that a binary cache keeps whatever else goes
    #[command(subcommand)]
    Pin(pin::Pin),
    /// Have the Nix of this machine ask a binary cache
    ///
    /// Writes the cache, its keys and, for a private one, the token where Nix reads them, and has Nix try it.
    Use(Box<use_cache::Use>),
    /// Enforce limits, then delete what nothing refers to any more
    ///
    /// Safe beside a running server, running saves and running restores.
    Gc(Gc),
    /// Read everything back against its hashes
    Check(Check),
    /// Say why a cache does not work, or would not, and what to do about it
    ///
    /// Looks at the lock file, the cache service and the way to it, the keys that are there, the limits, and Nix's settings.
    /// The exit code is 1 when there is a problem. A service is asked what a job would ask, so its lookup counts as one.
    Doctor(Box<doctor::Doctor>),
    /// Ask a server whether it is ready for requests, as the health check of a container does
    ///
    /// The exit code is 1 when it is not, or does not answer within ten seconds.
    Health(health::Health),
    /// Print what hashFiles() gives for patterns, or an empty line when no file matches
    HashFiles(HashFiles),
    /// Look at the configuration
    #[command(subcommand)]
    Config(Config),
    /// Write to a store what `restore` gives; `restore` starts it, by sudo
    #[command(hide = true)]
    StoreHelper(StoreHelper),
    /// Serve a snapshot to the Nix of this machine; `restore --lazy` starts it, and gives it the snapshot
    #[command(hide = true)]
    Substituter(client::Service),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages, one a command, into a folder
    Man {
        /// The folder, such as /usr/local/share/man/man1
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// `store-helper`.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreHelper {
    /// A private store root [default: the system's]
    #[arg(long = "store", value_name = "ROOT")]
    pub root: Option<PathBuf>,
    /// Where the process listens that gives it
    #[arg(value_name = "SOCKET")]
    pub socket: PathBuf,
}

/// Where the server's state is, for every command that touches it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct State {
    /// The folder for everything that is not told to be elsewhere [default: snowbank-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Configuration file (TOML) [env: SNOWBANK_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// `sqlite:PATH` or `postgres://USER@HOST/NAME` [default: a SQLite file in the data folder]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// A folder, or `s3://BUCKET/PREFIX` [default: a folder in the data folder]
    #[arg(long, value_name = "URL")]
    pub storage: Option<String>,
}

/// `serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:8484]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    #[command(flatten)]
    pub state: State,
    /// Believe every caller on a loopback address without a token, as the one repository `local/local`
    #[arg(long)]
    pub trust_loopback: bool,
    /// Leave uploads as they came until a server without this flag runs
    #[arg(long)]
    pub pause_recoding: bool,
    /// The form of the log's lines
    #[arg(long, value_name = "FORMAT", value_enum, env = "SNOWBANK_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// `gc`.
#[derive(Debug, clap::Args)]
pub(crate) struct Gc {
    /// Only say what would be done
    #[arg(long)]
    pub plan: bool,
    /// How long condemned packs are kept for those who still read them [default: the configuration's times.grace]
    #[arg(long, value_name = "SPAN")]
    pub grace: Option<String>,
    #[command(flatten)]
    pub state: State,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Rebuild the chunk index from the packs, forget damaged chunks, remove entries that cannot be restored
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub state: State,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `hash-files`.
#[derive(Debug, clap::Args)]
pub(crate) struct HashFiles {
    /// Patterns as in a workflow: `**/Cargo.lock`, `!target/**`
    #[arg(value_name = "PATTERN", required = true)]
    pub patterns: Vec<String>,
    /// Enter folders that symbolic links lead to
    #[arg(long)]
    pub follow_symbolic_links: bool,
    /// The folder that patterns begin in, and outside of which nothing counts [default: the current one]
    #[arg(
        long,
        value_name = "DIR",
        env = "GITHUB_WORKSPACE",
        default_value = ".",
        hide_default_value = true
    )]
    pub workspace: PathBuf,
}

/// `key`.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key, write its secret half to a file and print the public one
    ///
    /// The file is what `nix key generate-secret` prints; `caches.NAME.key_files` and Nix's `secret-key-files` take it.
    Generate {
        /// The key's name, by custom the cache's host and a number, as in cache.example.org-1
        name: String,
        /// Where the secret half goes; nothing is overwritten [default: NAME.secret]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print every setting and where its value came from, secrets hidden
    Show {
        #[command(flatten)]
        state: State,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }
}
