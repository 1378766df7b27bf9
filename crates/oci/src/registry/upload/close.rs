//! Closing an upload: the blob is there, or it is not, but never twice.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::session::Session;
use crate::digest::Digest;
use crate::registry::answer::check_digest;
use crate::registry::error::{RegistryError, is_transient};
use crate::registry::repository::Repository;
use crate::registry::wire::Exchange;

/// What closing came to.
pub(super) enum Closed {
    /// The blob is there.
    Yes,
    /// It is not; the same again may help.
    Again(RegistryError),
    /// It is not, and there is more to show by now.
    Renewed,
    /// It is not, and the session is gone.
    Lost(RegistryError),
}

impl Repository {
    /// Closes a session, with all of the blob as `body` or with none of it. An answer that got lost may have been a yes, so
    /// the blob is asked for before anything is sent again.
    pub(super) async fn close(
        &self,
        session: &Session,
        digest: &Digest,
        size: u64,
        body: Bytes,
    ) -> Result<Closed, RegistryError> {
        let mut ask = session.ask_to_close(self, digest);
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        ask.body = body;
        ask.patience = self.wire().effort.commit;
        let (error, lost) = match self.wire().exchange(&ask, None).await {
            Ok(Exchange::Renewed(_)) => return Ok(Closed::Renewed),
            Ok(Exchange::Answer(answer)) if answer.status().is_success() => {
                check_digest(answer.headers(), digest)?;
                return Ok(Closed::Yes);
            }
            Ok(Exchange::Answer(answer)) => {
                let status = answer.status();
                let error = RegistryError::Refused(self.wire().refusal(answer).await);
                if status.as_u16() != 404 && !is_transient(status) {
                    return Err(error);
                }
                (error, status.as_u16() == 404)
            }
            Err(error) if error.is_transient() => (error, false),
            Err(error) => return Err(error),
        };
        if self.blob_size(digest).await? == Some(size) {
            return Ok(Closed::Yes);
        }
        Ok(if lost { Closed::Lost(error) } else { Closed::Again(error) })
    }
}
