//! Whether this process can serve: asked, not assumed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use snowbank_cas::bucket::PROBES;

use super::metrics::{Cached, free_bytes};
use super::{BodyError, Service, random};

/// How long what was found is believed, so that whoever asks costs little.
const BELIEVED: Duration = Duration::from_secs(5);
/// A part that does not answer within this is not well.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of what is written to the storage and read back.
const PROBE: usize = 16;

/// What is wrong with each part; nothing where all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The database.
    pub database: Option<&'static str>,
    /// The bucket.
    pub storage: Option<&'static str>,
    /// The disks of the spool, of a bucket in a folder, and of the data folder.
    pub disk: Option<&'static str>,
    /// Whether the server was told to stop.
    pub stopping: bool,
}

impl Health {
    /// Whether requests may be sent here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.stopping && [self.database, self.storage, self.disk].iter().all(Option::is_none)
    }
}

/// What was found last.
pub(super) struct Doctor {
    database: Arc<Cached<Option<&'static str>>>,
    storage: Arc<Cached<Option<&'static str>>>,
}

impl Default for Doctor {
    fn default() -> Self {
        // A probe ends by itself before its reader loses patience.
        let cached = || Cached::new(BELIEVED, 1, PATIENCE * 2);
        Self { database: cached(), storage: cached() }
    }
}

impl Service {
    /// Looks after every part: whether the database can be written to and has the schema that this program knows,
    /// whether the bucket keeps bytes, whether there is room for a pack.
    pub async fn health(&self) -> Health {
        let (asks, writes) = (self.clone(), self.clone());
        let database = self.0.doctor.database.get(async move { Some(asks.ask_database().await) });
        let storage = self.0.doctor.storage.get(async move { Some(writes.try_storage().await) });
        let (database, storage, disk) = tokio::join!(database, storage, self.look_at_disks());
        let silent = Some(Some("does not answer"));
        Health {
            database: database.or(silent).flatten(),
            storage: storage.or(silent).flatten(),
            disk,
            stopping: self.0.stopping.is_cancelled(),
        }
    }

    /// From now on [`Service::health`] says that the server stops.
    pub fn stopping(&self) {
        self.0.stopping.cancel();
    }

    async fn ask_database(&self) -> Option<&'static str> {
        match tokio::time::timeout(PATIENCE, self.0.catalog.probe()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                tracing::warn!(error = super::worker::causes(&error), "the database is not well");
                match error {
                    snowbank_catalog::CatalogError::Newer { .. } => {
                        Some("was changed by a newer version of this program")
                    }
                    _ => Some("cannot be written to"),
                }
            }
            Err(_) => {
                tracing::warn!("the database does not answer");
                Some("does not answer in time")
            }
        }
    }

    async fn try_storage(&self) -> Option<&'static str> {
        match tokio::time::timeout(PATIENCE, self.write_and_read()).await {
            Ok(Ok(true)) => None,
            Ok(Ok(false)) => {
                tracing::error!("the storage gives back other bytes than were written");
                Some("gives back other bytes than were written")
            }
            Ok(Err(error)) => {
                tracing::warn!(error = super::worker::causes(&*error), "the storage is not well");
                Some("does not keep what is written")
            }
            Err(_) => {
                tracing::warn!("the storage does not answer");
                Some("does not answer in time")
            }
        }
    }

    /// An object under a name of its own, as two probes may be under way.
    async fn write_and_read(&self) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        let bytes = random::<PROBE>()?;
        let name = format!("{PROBES}/{}", hex::encode(bytes));
        let body = stream::iter([Ok::<_, BodyError>(bytes::Bytes::copy_from_slice(&bytes))]);
        self.0.bucket.put_stream(&name, body, PROBE as u64).await?;
        let read = self.0.bucket.read(&name, 0..PROBE as u64).boxed();
        let read: Result<Vec<bytes::Bytes>, _> = read.try_collect().await;
        // What was written goes whether it could be read or not.
        self.0.bucket.delete(&name).await?;
        Ok(read?.concat() == bytes)
    }

    async fn look_at_disks(&self) -> Option<&'static str> {
        let folders = [self.0.bucket.spool_folder().to_owned(), PathBuf::from(&self.settings().data)];
        let needed = self.settings().chunks.pack.0;
        let full = tokio::task::spawn_blocking(move || {
            folders.iter().any(|folder| free_bytes(folder).is_some_and(|free| free < needed))
        });
        full.await.unwrap_or(false).then_some("has no room for a pack")
    }
}
