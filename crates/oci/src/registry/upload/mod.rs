//! Sending blobs.
//!
//! A small blob that is known goes as one body. Any other goes as one streamed body of unknown length (which is no range
//! and which every registry takes), its digest said when it is closed. Where that is refused for its size, or breaks, the
//! rest goes in ranges, from where the registry has it: the blob is made again from there.

use super::answer::header;
use super::error::RegistryError;
use super::repository::Repository;
use crate::destination::{Blob, Piece};
use crate::digest::Digest;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use reqwest::header::{HeaderMap, RANGE};

mod close;
mod course;
mod ranges;
mod recover;
pub(super) mod session;
mod stream;

use close::Closed;
use course::Course;
use session::Session;

/// Bytes of a blob that goes as one body, held in memory.
const SMALL: u64 = 4 << 20;

/// What one way of sending came to.
enum Sent {
    /// All is there, and came to this.
    All(Digest, u64),
    /// So much is there; the rest is to be sent, in the way that the course says by now.
    From(u64),
    /// Nothing is there any more.
    Anew,
}

impl Repository {
    /// Sends a blob.
    pub(super) async fn send_blob(&self, blob: &dyn Blob) -> Result<(Digest, u64), RegistryError> {
        if let Some((digest, size)) = blob.known()
            && size <= SMALL
            && !self.host().ranges_needed()
            && self.send_whole(blob, digest, size).await?
        {
            return Ok((digest, size));
        }
        let mut course = Course::new(self, blob);
        loop {
            let mut session = Session::take(self).await?;
            match course.session(&mut session).await {
                Ok(Some(done)) => return Ok(done),
                Ok(None) => session.cancel(self).await,
                Err(error) => {
                    session.cancel(self).await;
                    return Err(error);
                }
            }
        }
    }

    /// Sends a small blob as one body; false where the registry takes only parts.
    async fn send_whole(&self, blob: &dyn Blob, digest: Digest, size: u64) -> Result<bool, RegistryError> {
        let bytes = collect(blob, digest, size).await?;
        let mut failed = 0;
        loop {
            let session = Session::take(self).await?;
            let error = match self.close(&session, &digest, size, bytes.clone()).await {
                Ok(Closed::Yes) => return Ok(true),
                Ok(Closed::Renewed) => {
                    failed += 1;
                    session.cancel(self).await;
                    if failed >= self.wire().effort.tries {
                        return Err(RegistryError::NoCredentials);
                    }
                    continue;
                }
                Ok(Closed::Again(error) | Closed::Lost(error)) => error,
                Err(error) => {
                    session.cancel(self).await;
                    if matches!(error.status().map(|status| status.as_u16()), Some(413 | 416)) {
                        self.host().need_ranges();
                        return Ok(false);
                    }
                    return Err(error);
                }
            };
            // How much of it the session has is not worth asking.
            session.cancel(self).await;
            failed += 1;
            if failed >= 2 && error.status().is_none() {
                // Something on the way may not let whole bodies pass.
                return Ok(false);
            }
            if failed >= self.wire().effort.tries {
                return Err(error);
            }
            self.wire().rest(failed, error.asked_wait()).await;
        }
    }
}

/// A small blob's bytes, which must be what is known of them.
async fn collect(blob: &dyn Blob, digest: Digest, size: u64) -> Result<Bytes, RegistryError> {
    let mut pieces = blob.open(0);
    let mut bytes = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        match piece.map_err(RegistryError::Blob)? {
            Piece::Data(data) if (bytes.len() + data.len()) as u64 <= size => bytes.extend_from_slice(&data),
            Piece::Data(_) => return Err(RegistryError::Blob("it is longer than it should be".into())),
            Piece::End { .. } => break,
        }
    }
    let bytes = bytes.freeze();
    if Digest::of(&bytes) != digest || bytes.len() as u64 != size {
        return Err(RegistryError::Blob(
            format!("it should be {digest}, and is {}", Digest::of(&bytes)).into(),
        ));
    }
    Ok(bytes)
}

/// How many bytes an answer says are there; none where it does not say. `0-0` is how registries write none, so one byte
/// counts as none.
fn kept(headers: &HeaderMap) -> Option<u64> {
    let text = header(headers, RANGE);
    let (_, last) = text.strip_prefix("bytes=").unwrap_or(text).split_once('-')?;
    match last.parse::<u64>().ok()? {
        0 => Some(0),
        last => last.checked_add(1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    fn said(text: &str) -> Option<u64> {
        kept(
            &HeaderValue::from_str(text)
                .map(|value| HeaderMap::from_iter([(RANGE, value)]))
                .unwrap_or_default(),
        )
    }

    #[test]
    fn what_is_there_is_read() {
        for (text, wanted) in [
            ("0-0", Some(0)),
            ("0-9", Some(10)),
            ("bytes=0-9", Some(10)),
            ("", None),
            ("9", None),
            ("0-18446744073709551615", None),
        ] {
            assert_eq!(said(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(text in any::<String>(), last in any::<u64>()) {
            let _ = said(&text);
            let read = said(&format!("0-{last}"));
            prop_assert!(read.is_none_or(|kept| kept >= last));
        }
    }
}
