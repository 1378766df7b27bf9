//! The packs of a snapshot as far as they are there.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use snowbank_actions::client::{CacheClient, ClientError, DownloadUrl};
use snowbank_cas::pack::{Footer, PackEntry};

use crate::packs::{footer, locate};
use crate::series::Versions;
use crate::snapshot::Snapshot;

/// Packs that are looked up at once.
const AT_ONCE: usize = 16;

/// The packs that a restore needs: their footers, and where to read them.
pub(super) struct Supply {
    client: CacheClient,
    versions: Versions,
    snapshot: Arc<Snapshot>,
    packs: HashMap<u32, Pack>,
    lost: usize,
}

struct Pack {
    url: Mutex<DownloadUrl>,
    frames: Vec<(u32, PackEntry)>,
}

impl Supply {
    /// Looks for the packs of these numbers and reads their footers. Holds 76 bytes a frame.
    pub(super) async fn open(
        client: &CacheClient,
        versions: &Versions,
        snapshot: Arc<Snapshot>,
        numbers: BTreeSet<u32>,
    ) -> Result<Self, ClientError> {
        let opened = stream::iter(&numbers).map(|&number| {
            let snapshot = &snapshot;
            async move {
                let pack = &snapshot.packs[number as usize];
                let Some(url) = locate(client, versions, pack).await? else { return Ok(None) };
                let Some(footer) = footer(client, pack, &url).await? else { return Ok(None) };
                Ok::<_, ClientError>(Some((number, Pack::new(url, &footer))))
            }
        });
        let packs: HashMap<_, _> = opened
            .buffer_unordered(AT_ONCE)
            .try_filter_map(|pack| async move { Ok(pack) })
            .try_collect()
            .await?;
        let lost = numbers.len() - packs.len();
        Ok(Self { client: client.clone(), versions: versions.clone(), snapshot, packs, lost })
    }

    /// How many packs are not there.
    pub(super) const fn lost(&self) -> usize {
        self.lost
    }

    /// Whether a pack is there.
    pub(super) fn has(&self, pack: u32) -> bool {
        self.packs.contains_key(&pack)
    }

    /// A frame and where in its pack it begins.
    pub(super) fn frame(&self, (pack, frame): (u32, u32)) -> Option<(u32, &PackEntry)> {
        let (offset, entry) = self.packs.get(&pack)?.frames.get(frame as usize)?;
        Some((*offset, entry))
    }

    /// Reads a part of a pack; looks it up again when its URL has expired.
    pub(super) async fn read(&self, number: u32, range: Range<u64>) -> Result<Bytes, String> {
        let absent = || "its pack is not there".to_owned();
        let pack = self.packs.get(&number).ok_or_else(absent)?;
        let length = range.end - range.start;
        let url = pack.url();
        let read = match self.client.read(&url, range.clone()).await {
            Err(error) if error.is_gone() => {
                let found = locate(&self.client, &self.versions, &self.snapshot.packs[number as usize]).await;
                let url = found.map_err(|error| crate::text::chain(&error))?.ok_or_else(absent)?;
                pack.renew(url.clone());
                self.client.read(&url, range).await
            }
            read => read,
        };
        let part = read.map_err(|error| crate::text::chain(&error))?;
        if part.bytes.len() as u64 == length { Ok(part.bytes) } else { Err("its pack is shorter".to_owned()) }
    }
}

impl Pack {
    fn new(url: DownloadUrl, footer: &Footer) -> Self {
        let frames = footer.entries_with_offsets().map(|(offset, entry)| (offset, *entry)).collect();
        Self { url: Mutex::new(url), frames }
    }

    fn url(&self) -> DownloadUrl {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn renew(&self, url: DownloadUrl) {
        *self.url.lock().unwrap_or_else(PoisonError::into_inner) = url;
    }
}
