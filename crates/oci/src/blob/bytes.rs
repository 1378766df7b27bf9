//! Blobs in memory.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;

use super::outlet::slices;
use crate::destination::{Blob, Piece, Pieces};
use crate::digest::Digest;

/// A small blob in memory: a config, a bill of materials.
#[derive(Clone, Debug)]
pub struct BytesBlob {
    bytes: Bytes,
    digest: Digest,
}

impl BytesBlob {
    /// The blob of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), bytes }
    }

    /// Its digest and size.
    pub(crate) fn described(&self) -> (Digest, u64) {
        (self.digest, self.bytes.len() as u64)
    }
}

impl Blob for BytesBlob {
    fn known(&self) -> Option<(Digest, u64)> {
        Some(self.described())
    }

    fn open(&self, offset: u64) -> Pieces {
        let (digest, size) = self.described();
        let end = Piece::End { digest, size };
        stream::iter(slices(&self.bytes, offset).chain([end]).map(Ok)).boxed()
    }
}
