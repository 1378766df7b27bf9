//! The shelf as a binary cache.

use std::ops::Range;
use std::sync::Arc;

use futures::{StreamExt, stream};
use snowbank_binary_cache::{About, BinaryCache, Bytestream, Content, NarName};
use snowbank_nix::nar_info::{Compression, NarInfo};

use super::Broken;
use super::flow::Flow;
use super::shelf::{Item, Shelf};
use crate::restore::PackSource;

/// Before all others: it is on this machine.
const PRIORITY: u32 = 10;

/// A path whose NAR is asked for.
pub(super) struct Asked<P: PackSource> {
    shelf: Arc<Shelf<P>>,
    at: usize,
}

/// The shelf, shared with what is on its way from it.
pub(super) struct Shared<P: PackSource>(pub(super) Arc<Shelf<P>>);

impl<P: PackSource> BinaryCache for Shared<P> {
    type Error = Broken;
    type Body = Asked<P>;

    fn about(&self) -> About {
        About { dir: self.0.dir.clone(), priority: PRIORITY }
    }

    async fn info(&self, hash_part: &str) -> Result<Option<NarInfo>, Broken> {
        Ok(self.0.by_hash_part(hash_part).map(|Item { info, stored, .. }| NarInfo {
            info: info.clone(),
            url: NarName(info.nar_hash).url(),
            compression: Compression::Zstd,
            file_hash: None,
            file_size: Some(*stored),
        }))
    }

    async fn nar(&self, name: &NarName) -> Result<Option<Asked<P>>, Broken> {
        Ok(self.0.by_nar(&name.0).map(|at| Asked { shelf: Arc::clone(&self.0), at }))
    }
}

impl<P: PackSource> Content for Asked<P> {
    type Error = Broken;

    fn size(&self) -> u64 {
        self.shelf.item(self.at).stored
    }

    async fn read(self, range: Range<u64>) -> Result<Option<Bytestream<Broken>>, Broken> {
        let Self { shelf, at } = self;
        let item = shelf.item(at);
        shelf.usage.note(&item.info.path);
        if let Some((bytes, permit)) = shelf.hoard.take(at).await
            && range == (0..item.stored)
        {
            // It has room until it was sent.
            let kept = move |bytes| {
                let _room = &permit;
                Ok(bytes)
            };
            return Ok(Some(stream::iter(bytes).map(kept).boxed()));
        }
        match Flow::begin(Arc::clone(&shelf), at, range).await {
            Ok(flow) => Ok(Some(flow.stream().boxed())),
            Err((reason, why)) => {
                let path = &item.info.path;
                tracing::warn!("{path} is not served: it is {reason}: {why}");
                Ok(None)
            }
        }
    }
}
