//! Store paths as NARs, which nobody unpacked.

use std::io::{self, Read};

use snowbank_nix::hash::{NarHash, NarHasher};
use snowbank_nix::nar::{Event, Reader};
use snowbank_nix::store_path::StorePath;

use super::{Tree, TreeError};

/// A NAR that is not the path's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its archive has {size} bytes and the hash {hash}, where {wanted_size} bytes and {wanted} are known of it"
)]
pub struct WrongNar {
    /// The hash that it has, of as much as was read.
    pub hash: NarHash,
    /// Bytes that it has; where it has too many, one more than it should.
    pub size: u64,
    /// The hash that it should have.
    pub wanted: NarHash,
    /// Bytes that it should have.
    pub wanted_size: u64,
}

/// A NAR from anywhere, hashed as it is read: behind its last event it is what it should be, or an error stands there.
/// Holds what a [`Reader`] does.
pub struct NarTree<R> {
    path: StorePath,
    reader: Reader<Checked<R>>,
}

impl<R: Read> NarTree<R> {
    /// The NAR of `path`, which should have this hash and so many bytes.
    pub fn new(path: StorePath, source: R, wanted: NarHash, wanted_size: u64) -> Self {
        let source = source.take(wanted_size.saturating_add(1));
        let checked = Checked { source, hasher: NarHasher::default(), wanted, wanted_size };
        Self { path, reader: Reader::new(checked) }
    }
}

impl<R: Read + Send> Tree for NarTree<R> {
    fn next_event(&mut self) -> Result<Option<Event<'_>>, TreeError> {
        let Self { path, reader } = self;
        reader.next_event().map_err(|error| TreeError { path: path.clone(), source: error.into() })
    }
}

/// Hashes what is read, and ends only where it is what it should be.
struct Checked<R> {
    source: io::Take<R>,
    hasher: NarHasher,
    wanted: NarHash,
    wanted_size: u64,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.source.read(buffer)?;
        self.hasher.update(&buffer[..len]);
        if len > 0 || buffer.is_empty() {
            return Ok(len);
        }
        let (hash, size) = self.hasher.clone().finish();
        let Self { wanted, wanted_size, .. } = *self;
        if (hash, size) == (wanted, wanted_size) {
            return Ok(0);
        }
        Err(io::Error::other(WrongNar { hash, size, wanted, wanted_size }))
    }
}
