//! The arguments of `use`.

use std::path::PathBuf;

use clap::ValueEnum;
use snowbank_client::set_up::Form;

/// `use`.
#[derive(Debug, clap::Args)]
pub(crate) struct Use {
    /// The cache, http://HOST/nix/NAME
    #[arg(value_name = "CACHE_URL")]
    pub cache: String,
    /// Write nothing, and print what would be written [possible values: nix-conf, nixos, nix-darwin, home-manager]
    #[arg(long, value_name = "FORM", value_enum, num_args = 0..=1, default_missing_value = "nix-conf", hide_possible_values = true)]
    pub print: Option<PrintForm>,
    /// Take away what an earlier run has written
    #[arg(long, conflicts_with_all = ["print", "token_file"])]
    pub remove: bool,
    /// A file that holds a token for a private cache; else SNOWBANK_TOKEN is used
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The file of settings [default: for root the system's nix.conf, else that of the user]
    #[arg(long, value_name = "FILE")]
    pub conf: Option<PathBuf>,
    /// The file of logins [default: Nix's setting netrc-file]
    #[arg(long, value_name = "FILE")]
    pub netrc_file: Option<PathBuf>,
}

/// How the settings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrintForm {
    /// Lines of a nix.conf
    NixConf,
    /// A module of NixOS
    #[value(name = "nixos")]
    NixOs,
    /// A module of nix-darwin
    NixDarwin,
    /// A module of home-manager
    HomeManager,
}

impl From<PrintForm> for Form {
    fn from(form: PrintForm) -> Self {
        match form {
            PrintForm::NixConf => Self::NixConf,
            PrintForm::NixOs => Self::NixOs,
            PrintForm::NixDarwin => Self::NixDarwin,
            PrintForm::HomeManager => Self::HomeManager,
        }
    }
}
