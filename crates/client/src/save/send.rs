//! Full packs on their way to the service.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use snowbank_actions::client::CacheClient;
use tokio::sync::mpsc::Receiver;

use super::Amount;
use crate::observer::{Event, Observer, Stage};
use crate::packing::{ClosedPack, Spares};
use crate::packs::{StoreError, store};
use crate::series::Versions;
use crate::snapshot::PackRef;

/// Packs under way at once. Their files, the one that waits and those being filled take half a gigabyte of disk, and two when
/// packs are the fullest.
const AT_ONCE: usize = 4;

/// What was stored.
pub(super) struct Sent {
    /// The packs, by number, and the lengths of their frames.
    pub(super) packs: BTreeMap<u32, (PackRef, Vec<u32>)>,
    /// Those that were not there already.
    pub(super) sent: Amount,
}

/// Stores packs until no more come.
pub(super) async fn send(
    client: &CacheClient,
    versions: &Versions,
    packs: Receiver<ClosedPack>,
    spares: &Spares,
    observer: &dyn Observer,
) -> Result<Sent, StoreError> {
    let packs = stream::unfold(packs, |mut packs| async { packs.recv().await.map(|pack| (pack, packs)) });
    let sending = packs.map(|ClosedPack { number, pack, file, lengths }| async move {
        let size = pack.size;
        let (pack, sent) = store(client, versions, pack, Arc::clone(&file)).await?;
        spares.give(file);
        observer.tell(Event::Advance { stage: Stage::Upload, bytes: size, paths: 0 });
        Ok::<_, StoreError>((number, pack, lengths, sent))
    });
    let mut all = Sent { packs: BTreeMap::new(), sent: Amount::default() };
    let mut stored = std::pin::pin!(sending.buffer_unordered(AT_ONCE));
    while let Some((number, pack, lengths, sent)) = stored.try_next().await? {
        if sent {
            all.sent.count += 1;
            all.sent.bytes += pack.size;
        }
        all.packs.insert(number, (pack, lengths));
    }
    Ok(all)
}
