//! What is fetched before it is asked for, because it was last time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

use super::flow;
use super::shelf::Shelf;
use crate::restore::{Loss, PackSource};

/// KiB of all of it.
const ROOM: u32 = 192 << 10;

/// Bytes of the largest path that is taken in; larger ones are fetched fast enough when they are asked for.
const LARGEST: u64 = 32 << 20;

/// Paths that are fetched at once.
const AT_ONCE: usize = 8;

/// What was fetched, or is being fetched, and was not yet asked for.
pub(super) struct Hoard {
    room: Arc<Semaphore>,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    kept: HashMap<usize, Kept>,
    /// In which order they came.
    order: VecDeque<usize>,
    /// What was asked for, and is not taken in any more.
    asked: HashSet<usize>,
}

/// A path that waits.
struct Kept {
    bytes: AbortOnDropHandle<Result<Vec<Bytes>, Loss>>,
    permit: OwnedSemaphorePermit,
}

impl Hoard {
    pub(super) fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(ROOM as usize)), slots: Mutex::default() }
    }

    /// The frames of a path, if it was taken in; they take room until the permit is dropped. One that was not makes
    /// room: the order is another than last time.
    pub(super) async fn take(&self, at: usize) -> Option<(Vec<Bytes>, OwnedSemaphorePermit)> {
        let kept = {
            let mut slots = self.slots();
            slots.asked.insert(at);
            let kept = slots.kept.remove(&at);
            if kept.is_none() && self.room.available_permits() < (ROOM / 4) as usize {
                slots.drop_oldest();
            }
            kept?
        };
        let bytes = kept.bytes.await.ok()?.ok()?;
        Some((bytes, kept.permit))
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn drop_oldest(&mut self) {
        while let Some(oldest) = self.order.pop_front() {
            if self.kept.remove(&oldest).is_some() {
                break;
            }
        }
    }
}

/// Takes paths in, in this order, as fast as they are taken away.
pub(super) async fn fill<P: PackSource>(shelf: &Arc<Shelf<P>>, order: Vec<usize>) {
    let hands = Arc::new(Semaphore::new(AT_ONCE));
    for at in order {
        let stored = shelf.item(at).stored;
        let size = u32::try_from(stored.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        if stored > LARGEST {
            continue;
        }
        let (Ok(permit), Ok(hand)) = (
            Arc::clone(&shelf.hoard.room).acquire_many_owned(size).await,
            Arc::clone(&hands).acquire_owned().await,
        ) else {
            return;
        };
        let mut slots = shelf.hoard.slots();
        if slots.asked.contains(&at) || slots.kept.contains_key(&at) {
            continue;
        }
        let from = Arc::clone(shelf);
        let bytes = AbortOnDropHandle::new(tokio::spawn(async move {
            let _hand = hand;
            flow::whole(&from, at).await
        }));
        slots.kept.insert(at, Kept { bytes, permit });
        slots.order.push_back(at);
    }
}
