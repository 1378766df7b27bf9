//! A blob that tells how much of it was taken, and why it ended early.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;

use super::PushObserver;
use crate::destination::{Blob, BlobError, Piece, Pieces};
use crate::digest::Digest;

/// A blob that tells how much of it was taken, and why it ended early.
pub(super) struct Counted<'a> {
    blob: &'a dyn Blob,
    observer: Arc<dyn PushObserver>,
    broken: Arc<Mutex<Option<BlobError>>>,
}

/// What stands in for the error that is kept.
#[derive(Debug, thiserror::Error)]
#[error("it ended early")]
struct Early;

impl<'a> Counted<'a> {
    pub(super) fn new(blob: &'a dyn Blob, observer: Arc<dyn PushObserver>) -> Self {
        Self { blob, observer, broken: Arc::default() }
    }

    /// Why it could not be made, when it could not.
    pub(super) fn broken(&self) -> Option<BlobError> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Blob for Counted<'_> {
    fn known(&self) -> Option<(Digest, u64)> {
        self.blob.known()
    }

    fn open(&self, offset: u64) -> Pieces {
        let (observer, broken) = (Arc::clone(&self.observer), Arc::clone(&self.broken));
        let look = move |piece| match piece {
            Ok(piece) => {
                if let Piece::Data(bytes) = &piece {
                    observer.sent(bytes.len() as u64);
                }
                Ok(piece)
            }
            Err(error) => {
                *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(Early.into())
            }
        };
        self.blob.open(offset).map(look).boxed()
    }
}
