//! Request bodies: streamed with a watch on their pace, or read whole within a bound.

mod linger;
mod pace;

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures::{Stream, StreamExt};

use crate::service::BodyError;

use pace::Pace;

pub(super) use linger::linger;

/// The body as a stream that fails when it comes too slowly. `idle` is the configured wait for a first byte.
pub(super) fn stream(
    body: Body,
    idle: Duration,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + Unpin {
    Pace::of(idle).watch(body.into_data_stream())
}

/// Why a body could not be read whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// It has more bytes than it may have.
    #[error("the request's body has more than {limit} bytes")]
    TooLarge {
        /// How many it may have.
        limit: usize,
    },
    /// It ended early.
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// Reads a body of `limit` bytes at the most.
pub(crate) async fn read(body: Body, limit: usize, idle: Duration) -> Result<Vec<u8>, ReadError> {
    let too_large = ReadError::TooLarge { limit };
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(too_large);
    }
    let mut stream = stream(body, idle);
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        let part = part?;
        if bytes.len() + part.len() > limit {
            return Err(too_large);
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn bodies_are_read_up_to_their_bound() {
        assert_eq!(read(Body::from("abc"), 3, IDLE).await.unwrap(), b"abc");
        let announced = read(Body::from("abcd"), 3, IDLE).await;
        assert!(matches!(announced, Err(ReadError::TooLarge { limit: 3 })));
        let parts = futures::stream::iter(["ab", "cd"].map(Ok::<_, std::io::Error>));
        let unannounced = read(Body::from_stream(parts), 3, IDLE).await;
        assert!(matches!(unannounced, Err(ReadError::TooLarge { limit: 3 })));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_an_error() {
        let parts = futures::stream::iter([Ok("ab"), Err(std::io::Error::other("gone"))]);
        let broken = read(Body::from_stream(parts), 9, IDLE).await;
        assert!(matches!(broken, Err(ReadError::Body(BodyError::Broken(_)))));
    }
}
