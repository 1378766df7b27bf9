//! Full packs on their way to the server.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use tokio::sync::mpsc::Receiver;

use super::PushError;
use crate::observer::{Event, Observer, Stage};
use crate::packing::{ClosedPack, Spares};
use crate::site::Site;
use crate::snapshot::PackRef;

/// Packs under way at once: they take 96 MiB, and those that wait and are being filled as much of disk.
const AT_ONCE: usize = 3;

/// Sends packs until no more come; gives them back by number.
pub(super) async fn send(
    site: &Site,
    packs: Receiver<ClosedPack>,
    spares: &Spares,
    observer: &dyn Observer,
) -> Result<BTreeMap<u32, PackRef>, PushError> {
    let packs = stream::unfold(packs, |mut packs| async { packs.recv().await.map(|pack| (pack, packs)) });
    let sending = packs.map(|ClosedPack { number, pack, file, .. }| async move {
        let size = pack.size;
        let reading = Arc::clone(&file);
        let body = tokio::task::spawn_blocking(move || {
            let mut body = vec![0; size as usize];
            reading.read_exact_at(&mut body, 0).map(|()| Bytes::from(body))
        });
        let body = body.await.map_err(|error| PushError::Spool(io::Error::other(error)))?;
        let body = body.map_err(PushError::Spool)?;
        spares.give(file);
        let call = format!("packs/{}", pack.hash);
        site.send("send a pack", Method::PUT, &call, body, 0).await?;
        observer.tell(Event::Advance { stage: Stage::Upload, bytes: size, paths: 0 });
        Ok::<_, PushError>((number, pack))
    });
    sending.buffer_unordered(AT_ONCE).try_collect().await
}
