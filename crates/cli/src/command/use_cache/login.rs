//! The token for a cache, and the file that Nix takes it from.

use snowbank_client::nix_conf::Netrc;
use snowbank_client::set_up::file::Found;
use snowbank_client::set_up::{LoginError, machine, may_carry_token, put_login, take_login};
use url::Url;

use super::place::{Files, unwritten};
use crate::args::use_cache::Use;
use crate::command::ask::token_in;
use crate::error::{CliError, Result};

/// A token for a server, if there is one.
pub(super) struct Login {
    machine: String,
    /// For this run to write down.
    given: Option<String>,
    /// Of an earlier run.
    known: Option<String>,
}

impl Login {
    /// The token that the arguments or the environment name; else, to ask the server with, the one that Nix has.
    ///
    /// # Errors
    /// When it cannot be read, cannot be one, or would go over the wire for all to see.
    pub(super) fn of(args: &Use, files: &Files, cache: &Url) -> Result<Self> {
        let machine = machine(cache).ok_or_else(|| CliError::usage(format!("{cache} names no server")))?;
        let given = match &args.token_file {
            Some(path) => Some(token_in(path)?),
            None => std::env::var("SNOWBANK_TOKEN").ok().filter(|token| !token.is_empty()),
        };
        let safe = may_carry_token(cache);
        if let Some(token) = &given {
            if !safe {
                return Err(CliError::usage(
                    "a token is not sent to another machine over http, which all can read",
                )
                .hint("let the server have https, or leave the token out if the cache is public"));
            }
            put_login(b"", &machine, token)
                .map_err(|error| CliError::usage("the token is not valid").because(error))?;
        }
        let known = || Netrc::read(&files.netrc).login(&machine)?.password.clone();
        let known = if given.is_none() && safe { known() } else { None };
        // One that cannot be a token is for another kind of server.
        let known = known.filter(|token| put_login(b"", &machine, token).is_ok());
        Ok(Self { machine, given, known })
    }

    /// The token to ask with.
    pub(super) fn token(&self) -> Option<&str> {
        self.given.as_deref().or(self.known.as_deref())
    }

    /// Another's words without it.
    pub(super) fn hide(&self, text: &str) -> String {
        self.token().map_or_else(|| text.to_owned(), |token| text.replace(token, "***"))
    }

    /// Whether there is one to write down.
    pub(super) fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// Writes it down for Nix. False where nothing is to be done.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub(super) fn write(&self, files: &Files) -> Result<bool> {
        let Some(token) = &self.given else { return Ok(false) };
        let netrc = Found::read(&files.netrc).map_err(unwritten)?;
        let text = put_login(&netrc.bytes, &self.machine, token).map_err(|error: LoginError| {
            CliError::failed(format!("could not add a login to {}", files.netrc.display()))
                .because(error)
                .hint("have the file begin with `machine NAME`")
        })?;
        netrc.replace(&text, true).map_err(unwritten)
    }
}

/// Takes our login for a cache's server away. False where there is none.
///
/// # Errors
/// When the file cannot be changed.
pub(super) fn forget(files: &Files, cache: &Url) -> Result<bool> {
    let Some(machine) = machine(cache) else { return Ok(false) };
    // A file that somebody else makes holds nothing of ours, and neither does one that is not for this user.
    let Ok(netrc) = Found::read(&files.netrc) else { return Ok(false) };
    let text = take_login(&netrc.bytes, &machine);
    if text == netrc.bytes { Ok(false) } else { netrc.replace(&text, true).map_err(unwritten) }
}
