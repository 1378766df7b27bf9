//! Full packs on their way to the service.

use futures::{StreamExt, TryStreamExt, stream};
use snowbank_actions::client::CacheClient;
use tokio::sync::mpsc::Receiver;

use super::Amount;
use super::shelf::ClosedPack;
use crate::observer::{Event, Observer, Stage};
use crate::packs::{StoreError, store};
use crate::series::Versions;
use crate::snapshot::PackRef;

/// Packs under way at once. Their files, the one that waits and the one being filled take half a gigabyte of disk.
const AT_ONCE: usize = 4;

/// Stores packs until no more come. Returns them in the order of their numbers, and how many were sent.
pub(super) async fn send(
    client: &CacheClient,
    versions: &Versions,
    packs: Receiver<ClosedPack>,
    observer: &dyn Observer,
) -> Result<(Vec<PackRef>, Amount), StoreError> {
    let packs = stream::unfold(packs, |mut packs| async { packs.recv().await.map(|pack| (pack, packs)) });
    let sending = packs.map(|ClosedPack { number, pack, file }| async move {
        let size = pack.size;
        let (pack, sent) = store(client, versions, pack, file).await?;
        observer.tell(Event::Advance { stage: Stage::Upload, bytes: size, paths: 0 });
        Ok::<_, StoreError>((number, pack, sent))
    });
    let mut stored: Vec<_> = sending.buffer_unordered(AT_ONCE).try_collect().await?;
    stored.sort_unstable_by_key(|(number, ..)| *number);
    let sent = stored.iter().filter(|(.., sent)| *sent).fold(Amount::default(), |sum, (_, pack, _)| Amount {
        count: sum.count + 1,
        bytes: sum.bytes + pack.size,
    });
    Ok((stored.into_iter().map(|(_, pack, _)| pack).collect(), sent))
}
