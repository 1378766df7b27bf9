//! Setting up the Nix of a machine for a cache: what its `nix.conf` and its netrc are to say. The text work is pure;
//! [`mod@file`] reads and writes.

mod about;
mod block;
pub mod file;
mod form;
mod login;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use snowbank_nix::signature::PublicKey;
use url::{Host, Url};

pub use about::{About, about};
pub use block::{caches, netrc_file, put, take};
pub use form::Form;
pub use login::{LoginError, MAX_TOKEN, USER, machine, put_login, take_login};

/// What Nix is told of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it is.
    pub cache: Url,
    /// What it signs with.
    pub keys: Vec<PublicKey>,
    /// The file with logins, where Nix would look into another one.
    pub netrc_file: Option<PathBuf>,
}

/// Whether a token may be sent to `url`: encrypted, or to nobody but this machine.
#[must_use]
pub fn may_carry_token(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here)
}
