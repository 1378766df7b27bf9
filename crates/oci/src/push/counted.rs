//! A blob that tells how much of it was taken.

use std::sync::Arc;

use futures::StreamExt;

use super::PushObserver;
use crate::destination::{Blob, Piece, Pieces};
use crate::digest::Digest;

/// A blob that tells how much of it was taken.
pub(super) struct Counted<'a> {
    pub(super) blob: &'a dyn Blob,
    pub(super) observer: Arc<dyn PushObserver>,
}

impl Blob for Counted<'_> {
    fn known(&self) -> Option<(Digest, u64)> {
        self.blob.known()
    }

    fn open(&self, offset: u64) -> Pieces {
        let observer = Arc::clone(&self.observer);
        let count = move |piece: &Result<Piece, _>| {
            if let Ok(Piece::Data(bytes)) = piece {
                observer.sent(bytes.len() as u64);
            }
        };
        self.blob.open(offset).inspect(count).boxed()
    }
}
