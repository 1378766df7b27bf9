//! Frames of many NARs at once, for our own client.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::{BoxStream, StreamExt};
use snowbank_binary_cache::bulk::{MAX_PIECES, MAX_ROWS, Piece, Rows};
use snowbank_cas::assemble;
use snowbank_nix::hash::NarHash;

use super::CacheView;
use crate::service::download::unreadable;
use crate::service::recipe_pages::RecipePages;
use crate::service::{Kind, Result, ServiceError};

impl CacheView {
    /// The bytes of all pieces one behind the other, and how many there are.
    ///
    /// # Errors
    /// When the message asks for too much, or for NARs that whoever asks may not read.
    pub async fn rows(&self, message: &Rows) -> Result<(u64, BoxStream<'static, Result<Bytes>>)> {
        let pieces = read(message)?;
        let hashes: HashSet<NarHash> = pieces.iter().map(|(hash, _)| *hash).collect();
        let hashes: Vec<NarHash> = hashes.into_iter().collect();
        let catalog = &self.service.0.catalog;
        let places: HashMap<_, _> =
            catalog.nar_places(self.cache.id, &self.views, &hashes).await?.into_iter().collect();
        let mut rows = Vec::with_capacity(pieces.len());
        let mut size = 0;
        for (hash, range) in pieces {
            let place = places.get(&hash).ok_or_else(|| {
                ServiceError::new(Kind::NotFound, format!("the cache {} has no NAR {hash}", self.name()))
            })?;
            if range.end > place.stored {
                let why = format!("the NAR {hash} has {} bytes of frames: it was stored anew", place.stored);
                return Err(ServiceError::new(Kind::FailedPrecondition, why));
            }
            size += range.end - range.start;
            rows.push((RecipePages { catalog: catalog.clone(), recipe: place.recipe }, range));
        }
        Ok((size, assemble::rows(&self.service.0.bucket, rows).map_err(unreadable).boxed()))
    }
}

fn read(message: &Rows) -> Result<Vec<(NarHash, Range<u64>)>> {
    let wrong = |why: &str| ServiceError::new(Kind::InvalidArgument, why);
    if message.pieces.len() > MAX_PIECES {
        return Err(wrong(&format!("rows have {MAX_PIECES} pieces at most")));
    }
    let mut size = 0_u64;
    let piece = |piece: &Piece| {
        let hash = piece.nar.as_slice().try_into().map_err(|_| wrong("a NAR's hash has 32 bytes"))?;
        let bytes = piece.end.checked_sub(piece.start).filter(|bytes| *bytes > 0);
        size = size.saturating_add(bytes.ok_or_else(|| wrong("a piece ends before it begins"))?);
        Ok((NarHash::from_bytes(hash), piece.start..piece.end))
    };
    let pieces = message.pieces.iter().map(piece).collect::<Result<_>>()?;
    if size > MAX_ROWS {
        return Err(wrong(&format!("rows have {MAX_ROWS} bytes at most")));
    }
    Ok(pieces)
}
