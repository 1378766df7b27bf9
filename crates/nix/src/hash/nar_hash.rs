//! The hash of a NAR, which is always SHA-256.

use std::{fmt, io};

use sha2::{Digest as _, Sha256};

use super::{Algorithm, Digest, HashError};
use crate::nix32;

/// The SHA-256 of a NAR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NarHash([u8; 32]);

impl NarHash {
    /// The hash whose bytes these are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash of `nar`.
    #[must_use]
    pub fn of(nar: &[u8]) -> Self {
        Self(Sha256::digest(nar).into())
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads a hash in any encoding, with the name of its function before it.
    ///
    /// # Errors
    /// When it is no hash, or not SHA-256.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let digest = Digest::parse(text)?;
        let (found, wanted) = (digest.algorithm().name(), Algorithm::Sha256.name());
        if digest.algorithm() != Algorithm::Sha256 {
            return Err(HashError::Other { found, wanted });
        }
        digest.bytes().try_into().map(Self).map_err(|_| HashError::Malformed)
    }

    /// `sha256:` and base 16, as Nix's database has it.
    #[must_use]
    pub fn base16(&self) -> String {
        format!("sha256:{}", hex::encode(self.0))
    }
}

impl From<NarHash> for Digest {
    fn from(NarHash(sha256): NarHash) -> Self {
        let mut bytes = [0; super::MOST];
        bytes[..sha256.len()].copy_from_slice(&sha256);
        Self { algorithm: Algorithm::Sha256, bytes }
    }
}

/// `sha256:` and nix32, as `.narinfo` files and signatures have it.
impl fmt::Display for NarHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", nix32::encode(&self.0))
    }
}

impl fmt::Debug for NarHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NarHash({self})")
    }
}

/// Hashes and measures a NAR while it streams by.
#[derive(Clone, Default)]
pub struct NarHasher {
    sha256: Sha256,
    size: u64,
}

impl NarHasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// The hash, and the size in bytes.
    #[must_use]
    pub fn finish(self) -> (NarHash, u64) {
        (NarHash(self.sha256.finalize().into()), self.size)
    }
}

impl io::Write for NarHasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sha256_is_the_hash_of_a_nar() {
        let nothing = NarHash::of(b"");
        assert_eq!(nothing.to_string(), "sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73");
        assert_eq!(NarHash::parse(&nothing.base16()), Ok(nothing));
        assert_eq!(NarHash::parse(&Digest::from(nothing).sri()), Ok(nothing));
        let error = HashError::Other { found: "md5", wanted: "sha256" };
        assert_eq!(NarHash::parse("md5:d41d8cd98f00b204e9800998ecf8427e"), Err(error));
    }

    #[test]
    fn a_nar_is_hashed_and_measured_in_pieces() {
        let mut hasher = NarHasher::default();
        hasher.update(b"nix-");
        hasher.update(b"archive");
        assert_eq!(hasher.finish(), (NarHash::of(b"nix-archive"), 11));
    }
}
