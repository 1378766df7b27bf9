//! The arguments of `save`, `restore` and `run`.

use std::path::PathBuf;

/// The cache service.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Service {
    /// The cache service, or a folder to keep snapshots in; a job's own service where it is known
    ///
    /// The token for a URL is taken from SNOWBANK_TOKEN, then from ACTIONS_RUNTIME_TOKEN.
    #[arg(long, value_name = "URL|DIR", env = "SNOWBANK_REMOTE")]
    pub remote: Option<String>,
    /// Fail when the cache cannot be used, instead of warning and going on
    #[arg(long)]
    pub strict: bool,
}

/// The store and what is known of it elsewhere.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Store {
    /// A private store root: the store is at ROOT/nix/store [default: the system's]
    #[arg(long = "store", value_name = "ROOT", env = "SNOWBANK_STORE")]
    pub root: Option<PathBuf>,
    /// An upstream cache; what it has signed is fetched from there and not stored. May be repeated
    /// [default: `https://cache.nixos.org`]
    #[arg(long = "upstream", value_name = "URL")]
    pub upstreams: Vec<String>,
    /// Take the substituters and keys of this machine's Nix for upstream caches, too. Not where Nix signs what it builds
    /// with a key that it trusts: all that would count as upstream's
    #[arg(long)]
    pub nix_upstreams: bool,
    /// The folder of Nix's own caches, saved and restored along [default: ~/.cache/nix, and none for a private store]
    #[arg(long, value_name = "DIR")]
    pub nix_cache: Option<PathBuf>,
    /// Leave Nix's own caches alone
    #[arg(long, conflicts_with = "nix_cache")]
    pub no_nix_cache: bool,
    /// A key of the upstream caches, NAME:BASE64. May be repeated [default: cache.nixos.org-1]
    #[arg(long = "upstream-key", value_name = "KEY")]
    pub upstream_keys: Vec<String>,
}

/// Who lets us in to a binary cache that is read, whom to believe, and who has what it leaves out.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Trust {
    /// A file that holds a token for the cache; else SNOWBANK_TOKEN is used, else what Nix's netrc file has for the host
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
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
}

/// How much is said.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Talk {
    /// Print the result as JSON: on standard output, or for `run`, whose command has that, as the last line of standard
    /// error
    #[arg(long)]
    pub json: bool,
    /// Say nothing but warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// What is saved, as `save` and `run` have it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct What {
    /// Save every path of the store
    #[arg(long)]
    pub all: bool,
    /// Leave out paths whose name matches, and what refers to them. May be repeated
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// Store also what an upstream cache has
    #[arg(long)]
    pub keep_upstream: bool,
    /// Save the key once and never again, as actions/cache does
    #[arg(long)]
    pub immutable: bool,
    /// Read no more of the store after so long. What was read is saved; what is left is named, and read by the next save
    #[arg(long, value_name = "SPAN")]
    pub budget: Option<String>,
    /// Keep the packs of a generation within so many bytes: what the longest was not used goes first, what is saved now last
    #[arg(long, value_name = "SIZE")]
    pub max_size: Option<String>,
    /// Store at most so many bytes of new packs; what is left is named [default: 1GB in a job of a pull request]
    #[arg(long, value_name = "SIZE")]
    pub max_new: Option<String>,
    /// Fill packs with so many bytes
    #[arg(long, value_name = "SIZE", hide = true)]
    pub pack_size: Option<String>,
}

/// `save`.
#[derive(Debug, clap::Args)]
pub(crate) struct Save {
    /// The series; each save that has news is its next generation [default: nix-SYSTEM]
    #[arg(long)]
    pub key: Option<String>,
    /// Also look here for packs that can be used again: a prefix of keys. May be repeated
    #[arg(long = "restore-key", value_name = "PREFIX")]
    pub restore_keys: Vec<String>,
    #[command(flatten)]
    pub service: Service,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub what: What,
    /// Nothing is built after this: end the cache that `restore --lazy` has started
    #[arg(long)]
    pub end: bool,
    #[command(flatten)]
    pub talk: Talk,
    /// What to save with its closure: store paths, or links to them [default: the `result` links here, and all that
    /// was registered since the last restore]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// Who writes to the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum WriterKind {
    /// This process if the store is its own; else a helper by `sudo -n`, if that is allowed; else Nix's daemon
    #[default]
    Auto,
    /// This process, which must own the store
    Root,
    /// A process of its own, as root by `sudo -n`, which does nothing else and gets no token
    Helper,
    /// Nix's daemon
    Daemon,
}

/// When what was found comes into the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Lazy where Nix can be told to ask, and the last run used less than half of it; else eager
    Auto,
    /// All of it, at once
    #[default]
    Eager,
    /// When Nix asks for it: it is served to the Nix of this machine, which fetches what it needs
    Lazy,
}

/// How a restore goes, as `restore` and `run` have it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct How {
    /// When what was found comes into the store
    #[arg(long, value_enum, default_value_t)]
    pub mode: Mode,
    /// The same as --mode lazy
    #[arg(long, conflicts_with = "mode")]
    pub lazy: bool,
    /// Restore only the closures of these paths. May be repeated
    #[arg(long = "for", value_name = "PATH")]
    pub only: Vec<String>,
    /// Who writes to the store
    #[arg(long, value_enum, default_value_t)]
    pub writer: WriterKind,
    /// Check each path's NAR hash, too
    #[arg(long)]
    pub verify_nar: bool,
    /// Stop before less than this is free on the store's disk
    #[arg(long, value_name = "SIZE", default_value = "5GB")]
    pub min_free: String,
}

/// `restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The series, of which the newest generation is taken [default: nix-SYSTEM]
    #[arg(long)]
    pub key: Option<String>,
    /// What else will do: the newest entry that begins so. May be repeated, in the order of preference
    #[arg(long = "restore-key", value_name = "PREFIX")]
    pub restore_keys: Vec<String>,
    #[command(flatten)]
    pub service: Service,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub how: How,
    /// Look for the key itself, as actions/cache does, and not for its generations
    #[arg(long)]
    pub immutable: bool,
    /// Keep what was restored from the garbage collector while this link is there; LINK-2 and so on for further paths
    /// that no other path refers to
    #[arg(long, value_name = "LINK")]
    pub gc_root: Option<PathBuf>,
    /// Fail when nothing was found
    #[arg(long)]
    pub fail_on_cache_miss: bool,
    /// Only say what would be restored
    #[arg(long)]
    pub lookup_only: bool,
    /// Beside the outputs of actions/cache/restore, write sizes and seconds to GITHUB_OUTPUT
    #[arg(long)]
    pub output_sizes: bool,
    #[command(flatten)]
    pub talk: Talk,
}

/// When `run` saves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum When {
    /// Whatever the command's exit code
    #[default]
    Always,
    /// Only when the command succeeded
    OnSuccess,
    /// Never
    Never,
}

/// `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The series [default: nix-SYSTEM]
    #[arg(long)]
    pub key: Option<String>,
    /// What else will do to restore: the newest entry that begins so. May be repeated, in the order of preference
    #[arg(long = "restore-key", value_name = "PREFIX")]
    pub restore_keys: Vec<String>,
    #[command(flatten)]
    pub service: Service,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub how: How,
    #[command(flatten)]
    pub what: What,
    /// When to save
    #[arg(long, value_enum, default_value_t)]
    pub save: When,
    /// Also save what is there every so often while the command runs
    #[arg(long, value_name = "SPAN")]
    pub checkpoint: Option<String>,
    #[command(flatten)]
    pub talk: Talk,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}
