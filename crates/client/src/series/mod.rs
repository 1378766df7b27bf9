//! Series: a key as this client uses it, of which every save is a generation.
//!
//! `K#n` is generation n of the series K: an exact key must not keep news from being saved. Which generation is the
//! newest that a job may see is the service's to say: it looks in the job's own ref first, then in the base's and the
//! default branch's, and takes the entry that was made last.

mod find;
mod publish;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::str::FromStr;

pub use find::{FindError, Found, find};
pub(crate) use find::{load, newest};
pub(crate) use publish::add;
pub use publish::{PublishError, Published, publish};
use sha2::{Digest, Sha256};
use snowbank_nix::store_path::StoreDir;

use crate::snapshot::{MAX_INDEX, Snapshot, SnapshotError};

/// UTF-16 units of the longest key of the protocol; a generation's number takes some of them.
const MAX_KEY: usize = 512 - 24;

/// The format of indexes and the layout of entries; a client sees only entries of its own.
const FORMAT: &str = "snowbank snapshot 1";

/// What the generations of a series hold.
pub(crate) trait Entry: Send + Sync + 'static + Sized {
    /// Bytes of the largest entry.
    const MOST: u64;

    fn decode(bytes: &[u8]) -> Result<Self, SnapshotError>;

    fn encode(&self) -> io::Result<Vec<u8>>;

    /// Both, where others were first.
    fn unite(self, others: &Self) -> Self;
}

impl Entry for Snapshot {
    const MOST: u64 = MAX_INDEX;

    fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Self::decode(bytes)
    }

    fn encode(&self) -> io::Result<Vec<u8>> {
        Self::encode(self)
    }

    fn unite(self, others: &Self) -> Self {
        Self::unite(self, others)
    }
}

/// What names a series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

/// Why a text names no series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Empty, or too long.
    #[error("a key has 1 to {MAX_KEY} characters, not {0}")]
    Length(usize),
    /// A character that the service, or this client, has another use for.
    #[error("a key holds no {0:?}")]
    Character(char),
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` may be a key or the beginning of one.
///
/// # Errors
/// When it may not.
pub fn check(text: &str) -> Result<(), KeyError> {
    let length = text.encode_utf16().count();
    if length == 0 || length > MAX_KEY {
        return Err(KeyError::Length(length));
    }
    match text.chars().find(|c| matches!(c, ',' | '#') || c.is_control()) {
        Some(character) => Err(KeyError::Character(character)),
        None => Ok(()),
    }
}

/// How the saves of a key are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// `K#n`, counted from 1.
    #[default]
    Generations,
    /// `K`, saved once, as `actions/cache` does.
    Immutable,
}

impl Key {
    /// The key itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The entry of a generation.
    #[must_use]
    pub fn generation(&self, number: u64) -> String {
        format!("{}#{number}", self.0)
    }

    /// What the entries of all generations begin with.
    #[must_use]
    pub fn generations(&self) -> String {
        format!("{}#", self.0)
    }

    /// The series and number that an entry's key tells; the number is 0 for a key that was saved once.
    #[must_use]
    pub fn split(entry: &str) -> Option<(Self, u64)> {
        match entry.rsplit_once('#') {
            Some((key, number)) => {
                Some((key.parse().ok()?, number.parse().ok().filter(|&number| number > 0)?))
            }
            None => Some((entry.parse().ok()?, 0)),
        }
    }
}

/// The versions of a client's entries: what is saved on one system or for one store directory is not found on others,
/// and packs are not found by who looks for indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// Of indexes.
    pub index: String,
    /// Of packs, which are the same everywhere.
    pub pack: String,
}

impl Versions {
    /// The versions for `system` (as Nix calls it: `x86_64-linux`) and a store directory.
    #[must_use]
    pub fn new(system: &str, dir: &StoreDir) -> Self {
        let hash = |parts: &[&str]| hex::encode(Sha256::digest(parts.join("\n")));
        Self { index: hash(&[FORMAT, "index", system, dir.as_str()]), pack: hash(&[FORMAT, "pack"]) }
    }
}
