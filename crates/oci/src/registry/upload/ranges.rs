//! A blob in ranges, where whole bodies are not taken or broke.

use std::sync::Arc;

use bytes::{Buf as _, Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue};

use super::course::{Course, Form};
use super::recover::Failure;
use super::session::Session;
use super::{Sent, kept};
use crate::destination::{Piece, Pieces};
use crate::digest::Digest;
use crate::registry::error::RegistryError;
use crate::registry::outgoing::Outgoing;
use crate::registry::wire::Exchange;

/// Bytes of a range that are handed over at once, so that it can be seen to move.
const STEP: usize = 128 << 10;

/// A blob being made, and what of it was made and is not at the registry yet: one range at the most, and one piece.
struct Held {
    pieces: Pieces,
    bytes: Bytes,
    end: Option<(Digest, u64)>,
}

impl Held {
    /// Makes more, until there are `wanted` bytes or the end has come.
    async fn fill(&mut self, wanted: usize) -> Result<(), RegistryError> {
        if self.bytes.len() >= wanted || self.end.is_some() {
            return Ok(());
        }
        let mut bytes = BytesMut::with_capacity(wanted);
        bytes.extend_from_slice(&self.bytes);
        while bytes.len() < wanted {
            match self.pieces.next().await {
                Some(Ok(Piece::Data(data))) => bytes.extend_from_slice(&data),
                Some(Ok(Piece::End { digest, size })) => {
                    self.end = Some((digest, size));
                    break;
                }
                Some(Err(error)) => return Err(RegistryError::Blob(error)),
                None => return Err(RegistryError::Blob("it ended before its end was said".into())),
            }
        }
        self.bytes = bytes.freeze();
        Ok(())
    }
}

impl Course<'_> {
    /// Sends range after range from `offset` on.
    pub(super) async fn ranges(&mut self, session: &mut Session, offset: u64) -> Result<Sent, RegistryError> {
        let mut held = Held { pieces: self.blob.open(offset), bytes: Bytes::new(), end: None };
        let mut at = offset;
        loop {
            let length = self.repository.host().chunk().max(session.min_chunk);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            held.fill(length).await?;
            let part = held.bytes.slice(..length.min(held.bytes.len()));
            if part.is_empty() {
                // There is an end, or filling would have failed.
                return Ok(held.end.map_or(Sent::Anew, |(digest, size)| Sent::All(digest, size)));
            }
            let end = at + part.len() as u64;
            let reached = match self.range(session, at, part).await {
                Ok(kept) if kept > at && kept <= end => kept,
                Ok(_) => {
                    let wrong = RegistryError::Protocol("it has other bytes than it was sent".to_owned());
                    self.count_and_rest(wrong).await?;
                    return Ok(Sent::Anew);
                }
                Err(failure) => match self.recover(session, failure, at, end).await? {
                    Sent::From(kept) if self.form == Form::Ranges && (at..=end).contains(&kept) => {
                        self.resumed = true;
                        kept
                    }
                    other => return Ok(other),
                },
            };
            held.bytes.advance(usize::try_from(reached - at).unwrap_or(usize::MAX).min(held.bytes.len()));
            at = reached;
            self.reached(at);
        }
    }

    /// Sends one range; gives how much of the blob is there then.
    async fn range(&self, session: &mut Session, at: u64, part: Bytes) -> Result<u64, Failure> {
        let wire = self.repository.wire();
        let end = at + part.len() as u64;
        let mut ask = session
            .ask(self.repository, Method::PATCH)
            .with(CONTENT_RANGE, &format!("{at}-{}", end - 1))
            .map_err(Failure::Other)?;
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        ask.headers.insert(CONTENT_LENGTH, HeaderValue::from(part.len()));
        let (body, watch) = Outgoing::new(steps(part), Arc::clone(&wire.tally));
        match wire.exchange(&ask, Some((body, &watch))).await {
            Ok(Exchange::Answer(answer)) if answer.status().is_success() => {
                session.moved(self.repository, answer.headers()).map_err(Failure::Other)?;
                Ok(kept(answer.headers()).filter(|_| end > 1).unwrap_or(end))
            }
            Ok(Exchange::Answer(answer)) => Err(Failure::Refused(wire.refusal(answer).await)),
            Ok(Exchange::Renewed(refusal)) => Err(Failure::Renewed(refusal)),
            Err(error) => Err(Failure::Other(error)),
        }
    }
}

/// Bytes as a body that can be seen to move. Its end says nothing of the blob.
fn steps(mut part: Bytes) -> Pieces {
    let size = part.len() as u64;
    let end = Piece::End { digest: Digest::from_bytes([0; 32]), size };
    let data = std::iter::from_fn(move || {
        let step = part.split_to(part.len().min(STEP));
        (!step.is_empty()).then_some(Piece::Data(step))
    });
    stream::iter(data.chain([end]).map(Ok)).boxed()
}
