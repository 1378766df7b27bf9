//! Full packs on their way to the server.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use snowbank_cas::id::ObjectHash;
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;

use super::PushError;
use crate::observer::{Event, Observer, Stage};
use crate::packing::{ClosedPack, Spares};
use crate::save::Amount;
use crate::site::Site;

/// Packs under way at once: they take 96 MiB, and those that wait and are being filled as much of disk.
const AT_ONCE: usize = 3;

/// The packs that were sent so far, by number.
pub(super) type Sent = HashMap<u32, ObjectHash>;

/// Sends packs until no more come, and tells of each.
pub(super) async fn send(
    site: Site,
    packs: Receiver<ClosedPack>,
    spares: Spares,
    observer: Arc<dyn Observer>,
    told: watch::Sender<Sent>,
) -> Result<Amount, PushError> {
    let packs = stream::unfold(packs, |mut packs| async { packs.recv().await.map(|pack| (pack, packs)) });
    let sending = packs.map(|pack| one(&site, pack, &spares));
    let mut sending = std::pin::pin!(sending.buffer_unordered(AT_ONCE));
    let mut sent = Amount::default();
    while let Some((number, hash, bytes)) = sending.try_next().await? {
        sent.count += 1;
        sent.bytes += bytes;
        told.send_modify(|sent| {
            sent.insert(number, hash);
        });
        observer.tell(Event::Advance { stage: Stage::Upload, bytes, paths: 0 });
    }
    Ok(sent)
}

async fn one(site: &Site, pack: ClosedPack, spares: &Spares) -> Result<(u32, ObjectHash, u64), PushError> {
    let ClosedPack { number, pack, file, .. } = pack;
    let (size, reading) = (pack.size, Arc::clone(&file));
    let body = tokio::task::spawn_blocking(move || {
        let mut body = vec![0; size as usize];
        reading.read_exact_at(&mut body, 0).map(|()| Bytes::from(body))
    });
    let body = body.await.map_err(|error| PushError::Spool(io::Error::other(error)))?;
    let body = body.map_err(PushError::Spool)?;
    spares.give(file);
    let call = format!("packs/{}", pack.hash);
    site.send("send a pack", Method::PUT, &call, body, 0).await?;
    Ok((number, pack.hash, size))
}
