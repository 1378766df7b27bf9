//! The Nix daemon: a store that is asked over a socket, in the worker protocol of Nix 2.4 to 2.35.
//!
//! Numbers are u64, little-endian; a string is its length, its bytes, and zeros up to a multiple of eight. The client
//! sends the number of an operation and its arguments; the daemon answers with rows of log messages that end in success
//! or in an error, and then with the result (Nix's `worker-protocol.hh`, `worker-protocol.cc`, `daemon.cc`). Everything
//! that is read is bounded, by the constants here. One operation runs at a time, and the daemon adds path after path on
//! one core: who wants more opens more connections.

mod add;
mod error;
mod handshake;
mod info;
mod nar;
mod query;
mod realisation;
mod request;
mod roots;
mod stderr;
mod stream;
mod wire;

use std::{collections::BTreeSet, fmt, os::unix::net::UnixStream};

pub use add::{AddMany, AddOptions, AddPath, NarSink};
pub use error::{DaemonError, Refusal};
pub use stream::{Offered, Stream};

use request::Request;
use wire::Wire;

use crate::store_path::StoreDir;

/// Bytes of the longest text that is read: an error, a log message, a realisation.
pub const MAX_TEXT: usize = 1 << 20;

/// Bytes of the longest string that stands for a path, a hash, a signature or a name.
pub const MAX_WORD: usize = 8 << 10;

/// Paths of the largest set that is read: more than any known store has.
pub const MAX_PATHS: usize = 1 << 22;

/// Fields of a log message, lines of context of an error, and features that are read.
pub const MAX_FIELDS: usize = 1 << 10;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number; 1 in every Nix.
    pub major: u8,
    /// The second number.
    pub minor: u8,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The oldest version that is spoken: Nix 2.4's.
pub const OLDEST: Version = Version { major: 1, minor: 32 };

/// The newest version that is spoken; what came after is a feature.
pub const NEWEST: Version = Version { major: 1, minor: 38 };

/// Whether the daemon takes paths from this user without a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The daemon does not say; those before Nix 2.15 (protocol 1.35) never do.
    Unknown,
    /// It does.
    Trusted,
    /// It does not.
    Untrusted,
}

/// A connection to a Nix daemon.
#[derive(Debug)]
pub struct Daemon<S = UnixStream> {
    wire: Wire<S>,
    dir: StoreDir,
    version: Version,
    daemon_version: String,
    trust: Trust,
    features: BTreeSet<String>,
    /// An operation was begun and not ended, so that nobody knows what the next bytes mean.
    broken: bool,
}

impl<S> Daemon<S> {
    /// The version of the protocol that both sides speak.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The daemon's own version, such as `2.8.0`; empty where it does not say (before protocol 1.33).
    #[must_use]
    pub fn daemon_version(&self) -> &str {
        &self.daemon_version
    }

    /// Whether the daemon trusts this user.
    #[must_use]
    pub const fn trust(&self) -> Trust {
        self.trust
    }

    /// The features of the protocol that both sides have.
    #[must_use]
    pub const fn features(&self) -> &BTreeSet<String> {
        &self.features
    }

    /// Whether the connection can be used: not after an operation that was cut off.
    #[must_use]
    pub const fn is_usable(&self) -> bool {
        !self.broken
    }
}

impl<S: Stream> Daemon<S> {
    /// Sends a request, waits for the daemon to have done it, and has `read` read the result.
    fn ask<T>(
        &mut self,
        request: &Request,
        read: impl FnOnce(&mut Wire<S>, &StoreDir) -> Result<T, DaemonError>,
    ) -> Result<T, DaemonError> {
        self.begin(request)?;
        self.end()?;
        self.broken = true;
        let result = read(&mut self.wire, &self.dir)?;
        self.broken = false;
        Ok(result)
    }

    /// Sends a request.
    fn begin(&mut self, request: &Request) -> Result<(), DaemonError> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(DaemonError::Broken);
        }
        self.wire.send(request.bytes())
    }

    /// Waits for success or failure; either leaves a connection that can be used.
    fn end(&mut self) -> Result<(), DaemonError> {
        let result = stderr::wait(&mut self.wire);
        self.broken = !matches!(result, Ok(()) | Err(DaemonError::Refused(_)));
        result
    }
}
