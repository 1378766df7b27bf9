//! A closure at once: the infos of its paths and where their frames are, for our own client.

mod frames;
mod question;
mod walk;

use snowbank_binary_cache::bulk::Planned;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::CacheView;
use crate::service::{Kind, Result, ServiceError};
pub use question::ClosureQuestion;
use walk::Walk;

/// Batches of messages that wait for a slow reader. A batch is what comes of one read of the catalog: 1024 infos, or the
/// records of 64 pages of frames and of one NAR whose pages came before.
const WAITING: usize = 1;

/// The answer to a [`ClosureQuestion`], in batches. Dropped, it is not looked for any further.
pub struct ClosureAnswer {
    batches: mpsc::Receiver<Vec<Planned>>,
    walk: Option<AbortOnDropHandle<Result<()>>>,
}

impl CacheView {
    /// Walks the closure of what is asked for, as it is read.
    #[must_use]
    pub fn closure(&self, question: ClosureQuestion) -> ClosureAnswer {
        let (to, batches) = mpsc::channel(WAITING);
        let walk = Walk::new(self.clone(), question, to);
        ClosureAnswer { batches, walk: Some(AbortOnDropHandle::new(tokio::spawn(walk.run()))) }
    }
}

impl ClosureAnswer {
    /// The next messages; none behind the last.
    ///
    /// # Errors
    /// When the catalog fails: then the answer is not complete, and says so nowhere.
    pub async fn next(&mut self) -> Result<Option<Vec<Planned>>> {
        if let Some(batch) = self.batches.recv().await {
            return Ok(Some(batch));
        }
        let Some(walk) = self.walk.take() else { return Ok(None) };
        let broke = |error| ServiceError::caused(Kind::Internal, "the walk over a closure broke off", error);
        walk.await.map_err(broke)??;
        Ok(None)
    }
}
