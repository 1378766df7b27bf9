//! The arguments of `token`.

use clap::{ArgGroup, Subcommand};

use super::State;

/// `token`.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token and print it
    Create(Create),
    /// Print a token of minutes for the job around us, which proves by its forge who it is
    ///
    /// The job's identity token is taken from SNOWBANK_ID_TOKEN, else asked of GitHub by ACTIONS_ID_TOKEN_REQUEST_URL
    /// and ACTIONS_ID_TOKEN_REQUEST_TOKEN. The server's setting `oidc` says what it is worth.
    Exchange {
        /// The server, https://HOST
        #[arg(long, value_name = "URL", env = "SNOWBANK_SERVER")]
        server: String,
        /// Whom the identity token is for, as the server's setting `oidc` has it [default: the server's URL]
        #[arg(long, value_name = "AUDIENCE")]
        audience: Option<String>,
    },
    /// List the tokens that have not ended, the oldest first; never the tokens themselves
    List {
        #[command(flatten)]
        state: State,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke tokens; it holds at once, in every running server
    Revoke {
        /// Ids as `token list` shows them, or beginnings of them that mean one token each
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        state: State,
    },
}

/// `token create`.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").required(true).args(["repo", "cache", "manage", "admin"])))]
pub(crate) struct Create {
    /// A job of this repository, OWNER/NAME
    #[arg(long, value_name = "OWNER/NAME", requires = "scope")]
    pub repo: Option<String>,
    /// A git ref and what may be done there, `refs/heads/main:rw` or `refs/heads/main:r`; may be repeated, and is
    /// searched in the order given, the writable one first
    #[arg(long, value_name = "REF:RIGHTS", requires = "repo", conflicts_with_all = ["cache", "manage", "admin"])]
    pub scope: Vec<String>,
    /// Binary caches and what may be done there, `team-*:pull,push`; rights are pull, push, pin and admin; may be
    /// repeated
    #[arg(long, value_name = "PATTERN:RIGHTS")]
    pub cache: Vec<String>,
    /// Repositories whose caches to look after by GitHub's API, and what may be done, `acme/app:write` or `acme/*:read`;
    /// rights are read (list), write (and delete) and admin (and set limits); may be repeated
    #[arg(long, value_name = "OWNER/NAME:RIGHT")]
    pub manage: Vec<String>,
    /// An administrator's token, which may everything
    #[arg(long)]
    pub admin: bool,
    /// How long it is valid
    #[arg(long, value_name = "SPAN", default_value = "6h")]
    pub expires: String,
    /// Words by which `token list` shows it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub note: String,
    #[command(flatten)]
    pub state: State,
}
