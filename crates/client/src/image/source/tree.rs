//! A NAR as a tree, which is what its path's info says, or fails.

use std::io::{self, Read};

use snowbank_nix::content_address::ContentAddress;
use snowbank_nix::hash::{NarHash, NarHasher};
use snowbank_nix::nar::{ContentCheck, Event, Reader, Verdict};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;
use snowbank_oci::tree::{Tree, TreeError};

/// A NAR that is not what it should be.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("its archive has the hash {found} instead of {wanted}")]
    Hash { found: NarHash, wanted: NarHash },
    #[error("its archive has {found} bytes instead of {wanted}")]
    Size { found: u64, wanted: u64 },
    #[error("its archive has more than {0} bytes")]
    Longer(u64),
    #[error("its content does not have the address {0}, and no trusted key has signed it")]
    Address(ContentAddress),
}

/// Bytes that end only where they have the right hash.
struct Hashed<R> {
    source: R,
    hasher: NarHasher,
    size: u64,
    hash: NarHash,
    nar_size: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            self.finish().map_err(io::Error::other)?;
        }
        self.size += count as u64;
        if self.size > self.nar_size {
            return Err(io::Error::other(Wrong::Longer(self.nar_size)));
        }
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

impl<R> Hashed<R> {
    fn finish(&mut self) -> Result<(), Wrong> {
        let (found, size) = std::mem::take(&mut self.hasher).finish();
        if size != self.nar_size {
            return Err(Wrong::Size { found: size, wanted: self.nar_size });
        }
        let wanted = self.hash;
        if found == wanted { Ok(()) } else { Err(Wrong::Hash { found, wanted }) }
    }
}

/// What has to be shown of the content, beside its NAR's hash.
struct Proof {
    check: ContentCheck,
    address: ContentAddress,
}

/// A NAR as a tree.
pub(super) struct NarTree<R> {
    path: StorePath,
    hash: NarHash,
    reader: Reader<Hashed<R>>,
    proof: Option<Proof>,
    over: bool,
}

impl<R: Read> NarTree<R> {
    /// The NAR of this path; its content must have the address, where one is named.
    pub(super) fn new(info: &PathInfo, address: Option<ContentAddress>, source: R) -> Self {
        let (hash, nar_size) = (info.nar_hash, info.nar_size);
        Self {
            path: info.path.clone(),
            hash,
            reader: Reader::new(Hashed { source, hasher: NarHasher::default(), size: 0, hash, nar_size }),
            proof: address.map(|address| Proof { check: ContentCheck::default(), address }),
            over: false,
        }
    }
}

impl<R: Read + Send> Tree for NarTree<R> {
    fn next_event(&mut self) -> Result<Option<Event<'_>>, TreeError> {
        let Self { path, hash, reader, proof, over } = self;
        if *over {
            return Ok(None);
        }
        let failed = |source| TreeError { path: path.clone(), source };
        let Some(event) = reader.next_event().map_err(|error| failed(error.into()))? else {
            *over = true;
            if let Some(Proof { check, address }) = proof.take()
                && check.finish(*hash).has(&address, false) != Verdict::Holds
            {
                return Err(failed(Wrong::Address(address).into()));
            }
            return Ok(None);
        };
        if let Some(Proof { check, .. }) = proof {
            check.event(&event);
        }
        Ok(Some(event))
    }
}
