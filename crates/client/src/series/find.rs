//! Finding the newest generation that may be seen.

use bytes::{Bytes, BytesMut};
use snowbank_actions::client::{CacheClient, ClientError, DownloadUrl};

use super::{Entry, Key, Naming, Versions};
use crate::snapshot::{Snapshot, SnapshotError};

/// Bytes that are asked for first: most indexes are smaller.
const FIRST: u64 = 4 << 20;

/// Bytes of the parts that follow.
const PART: u64 = 16 << 20;

/// A snapshot that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The entry's key.
    pub entry: String,
    /// Its series.
    pub key: Key,
    /// Its number; 0 for a key that was saved once.
    pub generation: u64,
    /// Bytes of the entry.
    pub size: u64,
    /// What it holds.
    pub snapshot: Snapshot,
}

/// Why what was found cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The service did not answer as it should.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The entry is no snapshot.
    #[error("the entry {entry:?} cannot be used")]
    Snapshot {
        /// Its key.
        entry: String,
        /// Why.
        #[source]
        error: SnapshotError,
    },
}

/// Looks for the newest generation of `key`, then for the newest entry that begins with one of `prefixes`, in their
/// order. None is a miss. Holds the entry, [`crate::snapshot::MAX_INDEX`] bytes at most, and what it decodes to.
///
/// # Errors
/// When the service fails, or what it found is no snapshot.
pub async fn find(
    client: &CacheClient,
    versions: &Versions,
    naming: Naming,
    key: &Key,
    prefixes: &[String],
) -> Result<Option<Found>, FindError> {
    let found = newest(client, &versions.index, naming, key, prefixes).await?;
    Ok(found.map(|Newest { entry, key, generation, size, content: snapshot }| Found {
        entry,
        key,
        generation,
        size,
        snapshot,
    }))
}

/// What was found of a series, whatever its entries hold.
pub(crate) struct Newest<C> {
    pub(crate) entry: String,
    pub(crate) key: Key,
    pub(crate) generation: u64,
    pub(crate) size: u64,
    pub(crate) content: C,
}

/// [`find`] for entries of any content, under a version of their own.
pub(crate) async fn newest<C: Entry>(
    client: &CacheClient,
    version: &str,
    naming: Naming,
    key: &Key,
    prefixes: &[String],
) -> Result<Option<Newest<C>>, FindError> {
    let first = match naming {
        Naming::Generations => key.generations(),
        Naming::Immutable => key.as_str().to_owned(),
    };
    let Some(found) = client.lookup(&first, prefixes, version).await? else { return Ok(None) };
    let unusable = |error| FindError::Snapshot { entry: found.key.clone(), error };
    let Some((key, generation)) = Key::split(&found.key) else {
        return Err(unusable(SnapshotError::NotAnIndex));
    };
    let (content, size) = load_any(client, &found.url).await?.map_err(unusable)?;
    Ok(Some(Newest { entry: found.key, key, generation, size, content }))
}

/// The snapshot of an entry, and the entry's bytes.
pub(crate) async fn load(
    client: &CacheClient,
    url: &DownloadUrl,
) -> Result<Result<(Snapshot, u64), SnapshotError>, ClientError> {
    load_any(client, url).await
}

/// [`load`] for an entry of any content.
async fn load_any<C: Entry>(
    client: &CacheClient,
    url: &DownloadUrl,
) -> Result<Result<(C, u64), SnapshotError>, ClientError> {
    let bytes = match fetch(client, url, C::MOST).await? {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Err(error)),
    };
    let size = bytes.len() as u64;
    // Decompressing and parsing some megabytes takes a while.
    let decoded = tokio::task::spawn_blocking(move || C::decode(&bytes)).await;
    let decoded = decoded.unwrap_or(Err(SnapshotError::Damaged("it cannot be read")));
    Ok(decoded.map(|content| (content, size)))
}

/// The whole entry.
async fn fetch(
    client: &CacheClient,
    url: &DownloadUrl,
    most: u64,
) -> Result<Result<Bytes, SnapshotError>, ClientError> {
    let first = client.read(url, 0..FIRST).await?;
    if first.total > most {
        return Ok(Err(SnapshotError::TooLarge { size: first.total, bound: most }));
    }
    if first.bytes.len() as u64 == first.total {
        return Ok(Ok(first.bytes));
    }
    let mut whole = BytesMut::with_capacity(first.total as usize);
    whole.extend_from_slice(&first.bytes);
    while (whole.len() as u64) < first.total {
        let start = whole.len() as u64;
        let part = client.read(url, start..first.total.min(start + PART)).await?;
        if part.total != first.total || part.bytes.is_empty() {
            return Ok(Err(SnapshotError::Damaged("it changed while it was read")));
        }
        whole.extend_from_slice(&part.bytes);
    }
    Ok(Ok(whole.freeze()))
}
