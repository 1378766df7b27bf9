//! Hashes as Nix writes them: `sha256:` and base 16, nix32 or base 64, or `sha256-` and base 64 (SRI).

mod nar_hash;
mod parse;

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use nar_hash::{NarHash, NarHasher};

use crate::nix32;

/// Bytes of the longest digest.
const MOST: usize = 64;

/// A hash function that Nix knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5, 16 bytes.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
    /// BLAKE3, 32 bytes; experimental in Nix.
    Blake3,
}

impl Algorithm {
    const ALL: [Self; 5] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512, Self::Blake3];

    /// How Nix calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Blake3 => "blake3",
        }
    }

    /// Bytes of a digest.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 | Self::Blake3 => 32,
            Self::Sha512 => 64,
        }
    }

    fn named(name: &str) -> Result<Self, HashError> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or(HashError::Algorithm)
    }
}

/// A digest and the function that made it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// Zeros behind the function's size.
    bytes: [u8; MOST],
}

/// Why a text is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Neither `NAME:` nor `NAME-` before the digest.
    #[error("it does not say which hash function made it")]
    Untyped,
    /// A hash function that Nix does not have.
    #[error("its hash function is unknown")]
    Algorithm,
    /// A hash function other than the one that is wanted.
    #[error("it is a {found} hash where {wanted} is wanted")]
    Other {
        /// The function that it names.
        found: &'static str,
        /// The function that its place demands.
        wanted: &'static str,
    },
    /// A digest of a length that the function has in no encoding.
    #[error("{length} characters are no {algorithm} digest in any encoding")]
    Length {
        /// Characters of the digest.
        length: usize,
        /// The hash function's name.
        algorithm: &'static str,
    },
    /// Characters that its encoding does not have, or bits that belong to no byte.
    #[error("its digest is malformed")]
    Malformed,
}

impl Digest {
    /// A digest of `algorithm`; `None` if it has another size.
    #[must_use]
    pub fn new(algorithm: Algorithm, digest: &[u8]) -> Option<Self> {
        (digest.len() == algorithm.size()).then(|| {
            let mut bytes = [0; MOST];
            bytes[..digest.len()].copy_from_slice(digest);
            Self { algorithm, bytes }
        })
    }

    /// The function that made it.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.size()]
    }

    /// `sha256:` and base 16, as Nix's database and store paths have it.
    #[must_use]
    pub fn base16(&self) -> String {
        format!("{}:{}", self.algorithm.name(), hex::encode(self.bytes()))
    }

    /// `sha256:` and nix32, as `.narinfo` files have it.
    #[must_use]
    pub fn nix32(&self) -> String {
        format!("{}:{}", self.algorithm.name(), nix32::encode(self.bytes()))
    }

    /// `sha256:` and base 64.
    #[must_use]
    pub fn base64(&self) -> String {
        format!("{}:{}", self.algorithm.name(), STANDARD.encode(self.bytes()))
    }

    /// `sha256-` and base 64: subresource integrity, as lock files have it.
    #[must_use]
    pub fn sri(&self) -> String {
        format!("{}-{}", self.algorithm.name(), STANDARD.encode(self.bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.nix32())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}
