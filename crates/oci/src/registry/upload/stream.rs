//! The rest of a blob as one body whose length is not known.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::course::Course;
use super::recover::Failure;
use super::session::Session;
use super::{Sent, kept};
use crate::registry::error::RegistryError;
use crate::registry::outgoing::Outgoing;
use crate::registry::wire::Exchange;

impl Course<'_> {
    /// Sends everything from `offset` on.
    pub(super) async fn stream(&mut self, session: &mut Session, offset: u64) -> Result<Sent, RegistryError> {
        let wire = self.repository.wire();
        let (body, watch) = Outgoing::new(self.blob.open(offset), Arc::clone(&wire.tally));
        let mut ask = session.ask(self.repository, Method::PATCH);
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let exchanged = wire.exchange(&ask, Some((body, &watch))).await;
        if let Some(broken) = watch.broken() {
            return Err(RegistryError::Blob(broken));
        }
        let failure = match exchanged {
            Ok(Exchange::Answer(answer)) if answer.status().is_success() => {
                session.moved(self.repository, answer.headers())?;
                let kept = kept(answer.headers());
                match watch.end() {
                    // What is not said to be missing is there; the digest decides when the upload is closed.
                    Some((digest, size)) if size <= 1 || kept.is_none_or(|kept| kept == size) => {
                        return Ok(Sent::All(digest, size));
                    }
                    _ => {
                        Failure::Other(RegistryError::Protocol("it took only a part of the blob".to_owned()))
                    }
                }
            }
            Ok(Exchange::Answer(answer)) => Failure::Refused(wire.refusal(answer).await),
            Ok(Exchange::Renewed(refusal)) => Failure::Renewed(refusal),
            Err(error) => Failure::Other(error),
        };
        self.recover(session, failure, offset, offset + watch.sent()).await
    }
}
