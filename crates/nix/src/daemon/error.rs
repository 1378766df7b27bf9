//! Why a daemon did not do what it was asked.

use std::{fmt, io, path::PathBuf};

use super::{OLDEST, Version};
use crate::nar::NarError;

/// Why a daemon did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Nobody listens at the socket, or this user may not connect.
    #[error("cannot connect to the Nix daemon at {}", .socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The connection failed.
    #[error("cannot {what} the Nix daemon")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The daemon went away.
    #[error("the Nix daemon ended the connection")]
    Closed,
    /// Whoever listens is no Nix daemon.
    #[error("what listens does not answer as a Nix daemon does")]
    NoDaemon,
    /// A daemon that is too old, or of an unknown kind.
    #[error(
        "the Nix daemon speaks version {0} of the protocol, and {OLDEST} (Nix 2.4) or a newer 1.x is needed"
    )]
    Version(Version),
    /// What the protocol of this daemon does not have.
    #[error("the Nix daemon, which speaks version {version} of the protocol, cannot {what}")]
    Unsupported {
        /// What was attempted.
        what: &'static str,
        /// The version.
        version: Version,
    },
    /// The daemon refused or failed, and says why.
    #[error("the Nix daemon says: {0}")]
    Refused(Refusal),
    /// Something that does not belong in the protocol.
    #[error("the Nix daemon sent {0}")]
    Protocol(&'static str),
    /// More than is read of anything of its kind.
    #[error("the Nix daemon sent {what} of {length}, where at most {most} are read")]
    TooMuch {
        /// What.
        what: &'static str,
        /// Bytes or items that it is said to have.
        length: u64,
        /// Bytes or items that it may have.
        most: usize,
    },
    /// A value that cannot be read.
    #[error("the Nix daemon sent {what} that cannot be read: {value:?}")]
    Value {
        /// What it should be.
        what: &'static str,
        /// How it begins.
        value: String,
    },
    /// What came is not a NAR.
    #[error("the Nix daemon sent what is not a Nix archive")]
    Nar(#[from] NarError),
    /// What was read could not be passed on.
    #[error("cannot pass on the archive that the Nix daemon sends")]
    Sink(#[source] io::Error),
    /// A NAR of another length than its info says, or more or fewer paths than announced.
    #[error("{what}: {given} where {announced} were announced")]
    Amount {
        /// Of what.
        what: &'static str,
        /// How many there are.
        given: u64,
        /// How many there should be.
        announced: u64,
    },
    /// An earlier operation was cut off.
    #[error("the connection to the Nix daemon was left in the middle of an operation")]
    Broken,
}

/// What a daemon says when it refuses or fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The message, without colours and control characters.
    pub message: String,
    /// What the daemon was about when it happened, the innermost first.
    pub context: Vec<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Characters of a value that are told in an error.
const TOLD: usize = 200;

/// The error of a value that cannot be read.
pub(super) fn value(what: &'static str, bytes: &[u8]) -> DaemonError {
    DaemonError::Value { what, value: String::from_utf8_lossy(bytes).chars().take(TOLD).collect() }
}

/// The text of a message for a terminal: lines stay, colours and control characters go.
pub(super) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (mut plain, mut characters) = (String::new(), text.chars());
    while let Some(character) = characters.next() {
        match character {
            '\x1b' => {
                // A sequence `ESC [ ... letter`; of others the next character is dropped.
                if characters.next() == Some('[') {
                    let _ = characters.by_ref().find(|character| ('@'..='~').contains(character));
                }
            }
            '\n' => plain.push('\n'),
            character if character.is_control() => {}
            character => plain.push(character),
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_loses_its_colours_and_control_characters() {
        for (bytes, text) in [
            (&b"path '\x1b[35;1m/nix/store/x\x1b[0m' is bad\n"[..], "path '/nix/store/x' is bad"),
            (b"a\rb\x07\nc\x1b", "ab\nc"),
            (b"\x1b[31", ""),
            (b"\xff", "\u{fffd}"),
        ] {
            assert_eq!(plain(bytes), text);
        }
    }
}
