//! Whether a NAR has a content address, found while it streams by.

use sha2::{Digest as _, Sha256};

use super::Event;
use crate::{
    content_address::{ContentAddress, Method},
    hash::{Algorithm, Digest, NarHash},
};

/// Follows a NAR and hashes its content if it is one file; a NAR often comes before the address that is claimed for it.
#[derive(Clone, Debug, Default)]
pub struct ContentCheck {
    state: State,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Nothing,
    File(Box<Sha256>),
    Other,
}

/// What there is to compare with a content address; small, so that it can be kept for later claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// The SHA-256 of the NAR.
    pub nar: NarHash,
    /// The SHA-256 of the content, if the NAR is one file that cannot be executed.
    pub file: Option<[u8; 32]>,
}

/// Whether content has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has.
    Holds,
    /// It has not.
    Differs,
    /// Nobody found out: the address is of another hash function than SHA-256, or git's, or of a NAR that refers to
    /// itself, which is hashed with its own hash part left out.
    Unknown,
}

impl ContentCheck {
    /// Takes the next event of a NAR, as [`Parser`](super::Parser) makes them.
    pub fn event(&mut self, event: &Event<'_>) {
        match (&mut self.state, event) {
            (State::File(sha256), Event::Contents(bytes)) => sha256.update(bytes),
            (state @ State::Nothing, Event::File { executable: false, .. }) => {
                *state = State::File(Box::default());
            }
            (state, _) => *state = State::Other,
        }
    }

    /// What the complete NAR, whose hash is `nar`, holds.
    #[must_use]
    pub fn finish(self, nar: NarHash) -> Content {
        let file = if let State::File(sha256) = self.state { Some(sha256.finalize().into()) } else { None };
        Content { nar, file }
    }
}

impl Content {
    /// Whether it has this address; `refers_to_itself` is whether its path is one of its own references.
    ///
    /// Texts and flat files are files that cannot be executed: Nix refuses an output with such an address that can.
    #[must_use]
    pub fn has(&self, address: &ContentAddress, refers_to_itself: bool) -> Verdict {
        let found = match address.method() {
            Method::Git => return Verdict::Unknown,
            Method::Nar if refers_to_itself => return Verdict::Unknown,
            Method::Nar => *self.nar.bytes(),
            Method::Text | Method::Flat => match self.file {
                Some(sha256) => sha256,
                None => return Verdict::Differs,
            },
        };
        if address.digest().algorithm() != Algorithm::Sha256 {
            return Verdict::Unknown;
        }
        let holds = Some(*address.digest()) == Digest::new(Algorithm::Sha256, &found);
        if holds { Verdict::Holds } else { Verdict::Differs }
    }
}
