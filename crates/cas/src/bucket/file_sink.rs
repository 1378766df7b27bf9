//! A stream on its way into a local folder.

use blake3::Hasher;
use tokio::task::JoinHandle;

use super::directory::Directory;
use super::{BucketError, SpooledFile, Stored};
use crate::budget::Permit;
use crate::id::ObjectHash;
use crate::work::blocking;

/// Writes and hashes parts, one at a time, while the next is gathered.
pub(super) struct FileSink {
    directory: Directory,
    name: String,
    state: State,
}

enum State {
    Idle(Box<Progress>),
    Busy(JoinHandle<std::io::Result<Box<Progress>>>),
    Failed,
}

struct Progress {
    file: SpooledFile,
    hasher: Hasher,
}

impl FileSink {
    pub(super) async fn new(directory: Directory, name: String) -> Result<Self, BucketError> {
        let folder = directory.temporary();
        let file = blocking(move || SpooledFile::new(&folder)).await;
        let file = file.map_err(|error| BucketError::new("spool", &name, error))?;
        Ok(Self { directory, name, state: State::Idle(Box::new(Progress { file, hasher: Hasher::new() })) })
    }

    async fn idle(&mut self) -> Result<Box<Progress>, BucketError> {
        let done = match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(progress) => return Ok(progress),
            State::Busy(writing) => writing.await.map_err(std::io::Error::other).flatten(),
            State::Failed => Err(std::io::Error::other("an earlier write failed")),
        };
        done.map_err(|error| BucketError::new("write", &self.name, error))
    }

    /// Starts to write a part as soon as the one before is written.
    pub(super) async fn write(&mut self, part: Vec<u8>, permit: Permit) -> Result<(), BucketError> {
        let mut progress = self.idle().await?;
        self.state = State::Busy(tokio::task::spawn_blocking(move || {
            progress.hasher.update(&part);
            progress.file.append(&part)?;
            drop(permit);
            Ok(progress)
        }));
        Ok(())
    }

    /// Makes all that was written the object.
    pub(super) async fn finish(mut self) -> Result<Stored, BucketError> {
        let progress = self.idle().await?;
        let stored = Stored {
            size: progress.file.size(),
            hash: ObjectHash::from_bytes(*progress.hasher.finalize().as_bytes()),
        };
        let (directory, name) = (self.directory, self.name.clone());
        let published = blocking(move || directory.publish(progress.file, &name)).await;
        published.map_err(|error| BucketError::new("store", &self.name, error))?.keep();
        Ok(stored)
    }

    /// Deletes what was written so far.
    pub(super) async fn discard(mut self) {
        if let Ok(progress) = self.idle().await {
            blocking(move || drop(progress)).await;
        }
    }
}
