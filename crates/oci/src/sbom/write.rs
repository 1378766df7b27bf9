//! A list's bytes, and the name that follows from them.

use std::io;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Contents, Format, Image, SbomError, cyclonedx, spdx};

/// Bytes that a list may have, which are held in memory: room for some 30 000 store paths with ten references each.
pub const MOST_BYTES: usize = 64 << 20;

/// Writes a list. Hashes and writes at length: for a blocking thread.
///
/// # Errors
/// When it would have more than [`MOST_BYTES`].
pub fn write(format: Format, contents: &Contents, image: &Image) -> Result<Bytes, SbomError> {
    let put = |id: &str, out: &mut dyn io::Write| match format {
        Format::Spdx => spdx::write(contents, image, id, out),
        Format::CycloneDx => cyclonedx::write(contents, image, id, out),
    };
    let failed = |source: serde_json::Error| match source.io_error_kind() {
        Some(io::ErrorKind::FileTooLarge) => SbomError::TooLarge { format, most: MOST_BYTES },
        _ => SbomError::Write { format, source },
    };
    // Every document has a name of its own, also one that says less of the same image.
    let mut hashed = Hashed(Sha256::new());
    put("", &mut hashed).map_err(failed)?;
    let mut bounded = Bounded(Vec::new());
    put(&uuid(&hashed.0.finalize().into()), &mut bounded).map_err(failed)?;
    Ok(bounded.0.into())
}

/// A UUID of version 8, which is made as its maker likes (RFC 9562), of a hash.
fn uuid(hash: &[u8; 32]) -> String {
    let mut hex = hex::encode(&hash[..16]);
    hex.replace_range(12..13, "8");
    let variant = ["8", "9", "a", "b"][usize::from(hash[8] >> 4 & 3)];
    hex.replace_range(16..17, variant);
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

struct Hashed(Sha256);

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_uuid_says_that_it_is_one() {
        assert_eq!(uuid(&[0; 32]), "urn:uuid:00000000-0000-8000-8000-000000000000");
        assert_eq!(uuid(&[0xff; 32]), "urn:uuid:ffffffff-ffff-8fff-bfff-ffffffffffff");
    }

    #[test]
    fn a_list_is_not_larger_than_it_may_be() {
        let mut bounded = Bounded(vec![0; MOST_BYTES - 1]);
        bounded.write_all(b"x").unwrap();
        assert_eq!(bounded.write_all(b"x").unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
