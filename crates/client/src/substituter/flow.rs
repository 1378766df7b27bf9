//! A NAR on its way: parts are fetched ahead of whoever reads it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;

use super::Broken;
use super::pieces::{self, Part};
use super::shelf::Shelf;
use crate::restore::{Loss, PackSource, Reason};

/// NARs on their way at a time. Nix asks for 25 at once at the most; further ones wait.
pub(super) const FLOWS: usize = 24;

/// Parts of all NARs that are fetched ahead, beside the one that each always may.
pub(super) const ALL_AHEAD: usize = 32;

/// Parts of one NAR that are fetched at a time.
const AHEAD: usize = 8;

/// Bytes up to which all of a NAR is fetched and checked before any of it is passed on: what is lost of it is then lost
/// before anybody has begun.
const WHOLE: u64 = 8 << 20;

/// A part that is fetched.
struct Fetching {
    bytes: AbortOnDropHandle<Result<Vec<Bytes>, Loss>>,
    /// Of the parts ahead; none for the one that is always allowed.
    _permit: Option<OwnedSemaphorePermit>,
}

/// A NAR, or a range of it, on its way.
pub(super) struct Flow<P: PackSource> {
    shelf: Arc<Shelf<P>>,
    waiting: VecDeque<Part>,
    ahead: VecDeque<Fetching>,
    ready: VecDeque<Bytes>,
    /// Bytes that come before the range.
    skip: u64,
    /// Bytes of the range that are left.
    left: u64,
    _permit: OwnedSemaphorePermit,
}

impl<P: PackSource> Flow<P> {
    /// Begins to fetch these bytes of a path's frames, not none. All of what is small is there then, and of what is
    /// large the first part.
    ///
    /// # Errors
    /// When that cannot be had.
    pub(super) async fn begin(shelf: Arc<Shelf<P>>, at: usize, range: Range<u64>) -> Result<Self, Loss> {
        let (pieces, skip) = pieces::within(shelf.pieces(at), &range);
        let closed = |_| (Reason::Stopped, "nothing is served any more".to_owned());
        let permit = Arc::clone(&shelf.flows).acquire_owned().await.map_err(closed)?;
        let left = range.end - range.start;
        let mut flow = Self {
            shelf,
            waiting: pieces::parts(pieces).into(),
            ahead: VecDeque::new(),
            ready: VecDeque::new(),
            skip,
            left,
            _permit: permit,
        };
        while flow.ready.is_empty() || left <= WHOLE {
            let Some(part) = flow.part().await else { break };
            flow.ready.extend(part?);
        }
        Ok(flow)
    }

    /// The next part.
    async fn part(&mut self) -> Option<Result<Vec<Bytes>, Loss>> {
        while self.ahead.len() < AHEAD && !self.waiting.is_empty() {
            let permit = match self.ahead.is_empty() {
                true => None,
                false => match Arc::clone(&self.shelf.ahead).try_acquire_owned() {
                    Ok(permit) => Some(permit),
                    Err(_) => break,
                },
            };
            if let Some(part) = self.waiting.pop_front() {
                let shelf = Arc::clone(&self.shelf);
                let bytes = tokio::spawn(async move { shelf.fetch(part).await });
                self.ahead.push_back(Fetching { bytes: AbortOnDropHandle::new(bytes), _permit: permit });
            }
        }
        let Fetching { bytes, .. } = self.ahead.pop_front()?;
        let lost = (Reason::Stopped, "its fetching was ended".to_owned());
        Some(bytes.await.unwrap_or(Err(lost)))
    }

    /// The next bytes.
    async fn next(&mut self) -> Option<Result<Bytes, Loss>> {
        while self.left > 0 {
            let Some(mut bytes) = self.ready.pop_front() else {
                match self.part().await? {
                    Ok(part) => self.ready.extend(part),
                    Err(loss) => return Some(Err(loss)),
                }
                continue;
            };
            let before = self.skip.min(bytes.len() as u64);
            self.skip -= before;
            let _ = bytes.split_to(before as usize);
            bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= bytes.len() as u64;
            if !bytes.is_empty() {
                return Some(Ok(bytes));
            }
        }
        None
    }

    /// Its bytes as they come; one failure ends them.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, Broken>> {
        stream::unfold(Some(self), |flow| async move {
            let mut flow = flow?;
            match flow.next().await? {
                Ok(bytes) => Some((Ok(bytes), Some(flow))),
                Err((reason, why)) => Some((Err(Broken(format!("{reason}: {why}"))), None)),
            }
        })
    }
}

/// All frames of a path, checked.
pub(super) async fn whole<P: PackSource>(shelf: &Shelf<P>, at: usize) -> Result<Vec<Bytes>, Loss> {
    let mut all = Vec::new();
    for part in pieces::parts(shelf.pieces(at)) {
        all.extend(shelf.fetch(part).await?);
    }
    Ok(all)
}
