//! Reading a NAR that is stored once through, on a thread where what is done with it may compute.

use bytes::Bytes;
use futures::StreamExt;
use snowbank_cas::assemble;
use snowbank_catalog::ids::RecipeId;
use snowbank_nix::nar::{Event, NarError, Parser};
use tokio::sync::mpsc;

use crate::service::download::unreadable;
use crate::service::recipe_pages::RecipePages;
use crate::service::{Kind, Result, Service, ServiceError};

/// Pieces that wait for the thread; each is of a few MiB at most.
const PIECES: usize = 1;

impl Service {
    /// Hands each event of a NAR of `size` bytes, and where in it the event ends, to `take`, with a state that comes back.
    pub(super) async fn through<T: Send + 'static>(
        &self,
        recipe: RecipeId,
        size: u64,
        state: T,
        take: impl Fn(&mut T, &Event<'_>, u64) + Send + 'static,
    ) -> Result<T> {
        let pages = RecipePages { catalog: self.0.catalog.clone(), recipe };
        let mut bytes = std::pin::pin!(assemble::chunks(&self.0.bucket, pages, 0..size));
        let (pieces, from) = mpsc::channel(PIECES);
        let reading = tokio::task::spawn_blocking(move || read(from, state, take));
        while let Some(piece) = bytes.next().await {
            // The thread is gone only when it has failed.
            if pieces.send(piece.map_err(unreadable)?).await.is_err() {
                break;
            }
        }
        drop(pieces);
        let broke = |error| ServiceError::caused(Kind::Internal, "a thread that read a NAR broke off", error);
        let damaged = |error| ServiceError::caused(Kind::Internal, "a stored NAR is damaged", error);
        reading.await.map_err(broke)?.map_err(damaged)
    }
}

fn read<T>(
    mut pieces: mpsc::Receiver<Bytes>,
    mut state: T,
    take: impl Fn(&mut T, &Event<'_>, u64),
) -> std::result::Result<T, NarError> {
    let mut parser = Parser::new();
    while let Some(piece) = pieces.blocking_recv() {
        let mut rest = &piece[..];
        while let Some((event, at)) = parser.next_event_at(&mut rest)? {
            take(&mut state, &event, at);
        }
    }
    parser.finish()?;
    Ok(state)
}
