//! The arguments of `health`.

use std::path::PathBuf;

/// `health`.
#[derive(Debug, clap::Args)]
pub(crate) struct Health {
    /// The server [default: the one of this machine, at the address where its configuration says that it listens]
    #[arg(long, value_name = "URL", env = "SNOWBANK_SERVER")]
    pub server: Option<String>,
    /// Configuration file (TOML) of the server of this machine [env: SNOWBANK_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
