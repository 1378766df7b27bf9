//! The names of content: hashes and the catalog's number of a pack.

use std::fmt;
use std::str::FromStr;

/// A text that should have been 64 hexadecimal digits was not.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a hash of 64 hexadecimal digits")]
pub struct ParseHashError(String);

macro_rules! blake3_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Hashes `bytes` on the calling thread.
            #[must_use]
            pub fn of(bytes: &[u8]) -> Self {
                Self(*blake3::hash(bytes).as_bytes())
            }

            /// Takes 32 bytes that are already such a hash.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = ParseHashError;

            fn from_str(text: &str) -> Result<Self, ParseHashError> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseHashError(text.to_owned()))?;
                Ok(Self(bytes))
            }
        }
    };
}

blake3_name!(
    /// BLAKE3-256 of a chunk's bytes, uncompressed.
    ChunkHash
);
blake3_name!(
    /// BLAKE3-256 of a frame's bytes as they are stored.
    FrameHash
);
blake3_name!(
    /// BLAKE3-256 of a whole object as it is stored: a pack, an uploaded block, a stream as it is served.
    ObjectHash
);

/// The catalog's number of a pack. Never used twice, so a pack that is stored again under the same hash while
/// its elder is being deleted is another object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PackId(pub u64);

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
