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
    /// Hands a NAR of `size` bytes, piece by piece, to `take`, with a state that comes back, or with what `take` found wrong
    /// with it. Whoever knows the hash of the whole need not have the chunks `checked`.
    pub(super) async fn over<T: Send + 'static>(
        &self,
        recipe: RecipeId,
        size: u64,
        checked: bool,
        state: T,
        take: impl Fn(&mut T, &[u8]) -> std::result::Result<(), NarError> + Send + 'static,
    ) -> Result<std::result::Result<T, NarError>> {
        let pages = RecipePages { catalog: self.0.catalog.clone(), recipe };
        let bucket = &self.0.bucket;
        let mut bytes = match checked {
            true => assemble::chunks(bucket, pages, 0..size).boxed(),
            false => assemble::unchecked(bucket, pages, size).boxed(),
        };
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
        reading.await.map_err(broke)
    }

    /// Hands each event of a NAR of `size` bytes, and where in it the event ends, to `take`, with a state that comes back.
    pub(super) async fn through<T: Send + 'static>(
        &self,
        recipe: RecipeId,
        size: u64,
        state: T,
        take: impl Fn(&mut T, &Event<'_>, u64) + Send + 'static,
    ) -> Result<T> {
        let follow = move |(parser, state): &mut (Parser, T), mut piece: &[u8]| {
            while let Some((event, at)) = parser.next_event_at(&mut piece)? {
                take(state, &event, at);
            }
            Ok(())
        };
        let read = self.over(recipe, size, true, (Parser::new(), state), follow).await?;
        let whole = read.and_then(|(parser, state)| parser.finish().map(|()| state));
        whole.map_err(|error| ServiceError::caused(Kind::Internal, "a stored NAR is damaged", error))
    }
}

fn read<T>(
    mut pieces: mpsc::Receiver<Bytes>,
    mut state: T,
    take: impl Fn(&mut T, &[u8]) -> std::result::Result<(), NarError>,
) -> std::result::Result<T, NarError> {
    while let Some(piece) = pieces.blocking_recv() {
        take(&mut state, &piece)?;
    }
    Ok(state)
}
