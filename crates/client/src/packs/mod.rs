//! Packs as entries of the cache service: whether they are there, and what their footers say.

mod store;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use snowbank_actions::client::{CacheClient, ClientError, DownloadUrl};
use snowbank_cas::id::ObjectHash;
use snowbank_cas::pack::Footer;
pub(crate) use store::{StoreError, store};

use crate::series::Versions;
use crate::snapshot::PackRef;

/// Questions to the service at once.
const AT_ONCE: usize = 16;

/// Packs that are read at once for nothing but to keep them, at most.
const REFRESHED: usize = 1024;

/// How long that may take.
const REFRESHING: Duration = Duration::from_secs(10);

/// Where the entry of `pack` can be fetched; none when it is not there.
pub(crate) async fn locate(
    client: &CacheClient,
    versions: &Versions,
    pack: &PackRef,
) -> Result<Option<DownloadUrl>, ClientError> {
    let key = pack.key();
    let found = client.lookup(&key, &[], &versions.pack).await?;
    // The service also takes keys that only begin so.
    Ok(found.filter(|found| found.key == key).map(|found| found.url))
}

/// [`locate`] for all of `packs`, in their order.
pub(crate) async fn locate_all(
    client: &CacheClient,
    versions: &Versions,
    packs: &[PackRef],
) -> Result<Vec<Option<DownloadUrl>>, ClientError> {
    stream::iter(packs).map(|pack| locate(client, versions, pack)).buffered(AT_ONCE).try_collect().await
}

/// The footer of a pack; none when the entry is not the pack that it should be.
pub(crate) async fn footer(
    client: &CacheClient,
    pack: &PackRef,
    url: &DownloadUrl,
) -> Result<Option<Footer>, ClientError> {
    let start = pack.size.saturating_sub(u64::from(pack.footer_len));
    let tail = match client.read(url, start..pack.size).await {
        Ok(tail) => tail,
        Err(error) if error.is_outage() => return Err(error),
        // Another length, gone meanwhile: for who needs it it is not there.
        Err(_) => return Ok(None),
    };
    let same = tail.total == pack.size && ObjectHash::of(&tail.bytes) == pack.footer_hash;
    Ok(if same { Footer::decode(&tail.bytes, pack.size).ok() } else { None })
}

/// The footers of those packs that can be had, by number; and the numbers of packs that are not what they should be. Holds
/// 72 bytes a frame.
pub(crate) async fn footers(
    client: &CacheClient,
    packs: &[PackRef],
    urls: &[Option<DownloadUrl>],
) -> Result<(HashMap<u32, Footer>, HashSet<u32>), ClientError> {
    let there =
        packs.iter().zip(urls).zip(0u32..).filter_map(|((pack, url), at)| Some((at, pack, url.as_ref()?)));
    let mut reading = stream::iter(there)
        .map(|(at, pack, url)| async move { Ok::<_, ClientError>((at, footer(client, pack, url).await?)) })
        .buffer_unordered(AT_ONCE);
    let (mut footers, mut lost) = (HashMap::new(), HashSet::new());
    while let Some((at, footer)) = reading.try_next().await? {
        match footer {
            Some(footer) => {
                footers.insert(at, footer);
            }
            None => {
                lost.insert(at);
            }
        }
    }
    Ok((footers, lost))
}

/// Reads a byte of each pack, so that a service which removes what nobody reads keeps them all: GitHub's does after seven
/// days, and does not say whether a lookup counts. Returns how many were read. What fails is left; at most 1024 packs are
/// read, for ten seconds.
pub(crate) async fn refresh(client: &CacheClient, packs: &[PackRef], urls: &[Option<DownloadUrl>]) -> u64 {
    let there = packs.iter().zip(urls).filter_map(|(pack, url)| Some((pack, url.as_ref()?)));
    let reading = stream::iter(there.take(REFRESHED))
        .map(|(pack, url)| async move {
            let read = client.read(url, 0..1).await;
            read.is_ok_and(|read| read.total == pack.size)
        })
        .buffer_unordered(AT_ONCE);
    let late = tokio::time::sleep(REFRESHING);
    reading.take_until(late).filter(|read| std::future::ready(*read)).count().await as u64
}
