//! How far an upload got, by which way, and how often it failed.

use bytes::Bytes;

use super::Sent;
use super::close::Closed;
use super::session::Session;
use crate::destination::Blob;
use crate::digest::Digest;
use crate::registry::error::RegistryError;
use crate::registry::repository::Repository;

/// Failures of one blob at the most, however far it got between them.
const MAX_FAILURES: u32 = 100;

/// How the next bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As one body to the blob's end.
    Stream,
    /// In ranges.
    Ranges,
}

/// One blob on its way.
pub(super) struct Course<'a> {
    pub(super) repository: &'a Repository,
    pub(super) blob: &'a dyn Blob,
    pub(super) form: Form,
    /// The most bytes that the registry ever had.
    high: u64,
    /// Failures since then, and in all.
    failed: u32,
    failed_in_all: u32,
    /// Whether the blob was put together from more than one body.
    pub(super) resumed: bool,
}

impl<'a> Course<'a> {
    pub(super) fn new(repository: &'a Repository, blob: &'a dyn Blob) -> Self {
        let form = if repository.host().ranges_needed() { Form::Ranges } else { Form::Stream };
        Self { repository, blob, form, high: 0, failed: 0, failed_in_all: 0, resumed: false }
    }

    /// Sends the blob by one session; none where that is lost and another one may do.
    pub(super) async fn session(
        &mut self,
        session: &mut Session,
    ) -> Result<Option<(Digest, u64)>, RegistryError> {
        let mut offset = 0;
        self.resumed = false;
        let (digest, size) = loop {
            let sent = match self.form {
                Form::Stream => self.stream(session, offset).await?,
                Form::Ranges => self.ranges(session, offset).await?,
            };
            match sent {
                Sent::All(digest, size) => break (digest, size),
                Sent::From(kept) => offset = kept,
                Sent::Anew => return Ok(None),
            }
            self.resumed = true;
        };
        loop {
            match self.repository.close(session, &digest, size, Bytes::new()).await {
                Ok(Closed::Yes) => return Ok(Some((digest, size))),
                Ok(Closed::Renewed) => self.count(RegistryError::NoCredentials)?,
                Ok(Closed::Again(error)) => self.count_and_rest(error).await?,
                Ok(Closed::Lost(error)) => {
                    session.lose();
                    self.count_and_rest(error).await?;
                    return Ok(None);
                }
                // What was put together wrongly may come right in one.
                Err(RegistryError::Refused(refusal)) if self.resumed && refusal.has("DIGEST_INVALID") => {
                    self.count_and_rest(RegistryError::Refused(refusal)).await?;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The registry has so much: whoever gets further may fail again.
    pub(super) fn reached(&mut self, offset: u64) {
        if offset > self.high {
            self.high = offset;
            self.failed = 0;
        }
    }

    /// Counts a failure; gives it back where there were too many.
    pub(super) fn count(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        self.failed += 1;
        self.failed_in_all += 1;
        let too_many =
            self.failed >= self.repository.wire().effort.tries || self.failed_in_all >= MAX_FAILURES;
        if too_many { Err(error) } else { Ok(()) }
    }

    /// The same, and waits before the next try.
    pub(super) async fn count_and_rest(&mut self, error: RegistryError) -> Result<(), RegistryError> {
        let asked = error.asked_wait();
        self.count(error)?;
        self.repository.wire().rest(self.failed, asked).await;
        Ok(())
    }
}
