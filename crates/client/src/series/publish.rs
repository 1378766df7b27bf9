//! Making a snapshot the newest generation.

use std::time::Duration;

use bytes::Bytes;
use snowbank_actions::client::{CacheClient, ClientError, Content, Reserved};

use super::{Entry, FindError, Key, Naming, Versions, find};
use crate::snapshot::Snapshot;

/// How often others may be first before this one gives up: more jobs than a matrix has.
const ROUNDS: u32 = 300;

/// How long to wait for a generation that somebody has reserved and not yet finished.
const WAIT: Duration = Duration::from_millis(500);

/// How often to wait for it; then it was left behind, and the next number is taken.
const WAITS: u32 = 8;

/// What became of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is this entry.
    As {
        /// The entry's key.
        entry: String,
        /// Its bytes.
        size: u64,
    },
    /// The key was saved before, and is saved only once.
    Exists,
    /// The service lets this job write nothing.
    Denied(String),
}

/// Why a snapshot could not be made a generation.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The service did not answer as it should.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What others have saved meanwhile cannot be read.
    #[error(transparent)]
    Find(#[from] FindError),
    /// It cannot be encoded.
    #[error("the index cannot be made")]
    Encode(#[from] std::io::Error),
    /// Others were first again and again.
    #[error("{ROUNDS} generations of {0} were saved by others meanwhile")]
    Overtaken(Key),
}

/// Makes `snapshot` the generation after `newest`. Where others were first, what they saved is united with it (see
/// [`Snapshot::unite`]) and the next number is tried, so that the jobs of a matrix add to each other.
///
/// # Errors
/// When the service fails.
pub async fn publish(
    client: &CacheClient,
    versions: &Versions,
    naming: Naming,
    key: &Key,
    newest: u64,
    snapshot: Snapshot,
) -> Result<Published, PublishError> {
    add(client, &versions.index, naming, key, newest, snapshot).await
}

/// [`publish`] for entries of any content, under a version of their own.
pub(crate) async fn add<C: Entry>(
    client: &CacheClient,
    version: &str,
    naming: Naming,
    key: &Key,
    newest: u64,
    mut content: C,
) -> Result<Published, PublishError> {
    if naming == Naming::Immutable {
        let reserved = store(client, version, key.as_str().to_owned(), &content).await?;
        return Ok(reserved.unwrap_or(Published::Exists));
    }
    let (mut seen, mut number, mut waits) = (newest, newest + 1, 0);
    for _ in 0..ROUNDS {
        if let Some(published) = store(client, version, key.generation(number), &content).await? {
            return Ok(published);
        }
        let found = match find::newest::<C>(client, version, naming, key, &[]).await {
            Ok(found) => found.map(|found| (found.key, found.generation, Some(found.content))),
            // What cannot be read cannot be united with; its number is taken all the same.
            Err(FindError::Snapshot { entry, .. }) => {
                Key::split(&entry).map(|(key, number)| (key, number, None))
            }
            Err(error) => return Err(error.into()),
        };
        match found.filter(|(found, ..)| found == key) {
            Some((_, generation, others)) if generation > seen => {
                if let Some(others) = others {
                    content = content.unite(&others);
                }
                (seen, number, waits) = (generation, generation + 1, 0);
            }
            _ if waits < WAITS => {
                waits += 1;
                tokio::time::sleep(WAIT).await;
            }
            _ => (number, waits) = (number + 1, 0),
        }
    }
    Err(PublishError::Overtaken(key.clone()))
}

/// Stores the content under `entry`, unless that is taken.
async fn store<C: Entry>(
    client: &CacheClient,
    version: &str,
    entry: String,
    content: &C,
) -> Result<Option<Published>, PublishError> {
    // Before the reservation: what is reserved keeps others waiting.
    let bytes = Bytes::from(content.encode()?);
    let size = bytes.len() as u64;
    match client.reserve(&entry, version).await? {
        Reserved::Taken => Ok(None),
        Reserved::Denied(why) => Ok(Some(Published::Denied(why))),
        Reserved::New(url) => {
            client.upload(&url, Content::Bytes(bytes)).await?;
            client.finalize(&entry, version, size).await?;
            Ok(Some(Published::As { entry, size }))
        }
    }
}
