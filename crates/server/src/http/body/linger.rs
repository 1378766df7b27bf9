//! What a client still sends after it was refused. Closing the connection on it would reset it, and the reset can
//! overtake the answer: the client would see a broken connection instead of what is wrong.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt;
use http_body::{Frame, SizeHint};

use super::Pace;

/// No longer than this, and ...
const TIME: Duration = Duration::from_secs(30);
/// ... no more than this is taken and thrown away: twice the largest block that a client sends.
const BYTES: u64 = 128 << 20;

/// Takes what handlers leave of bodies. A client that waits for `100 Continue` reads the answer before it sends.
pub(in crate::http) async fn linger(request: Request, next: Next) -> Response {
    if request.headers().contains_key(EXPECT) || request.body().is_end_stream() {
        return next.run(request).await;
    }
    next.run(request.map(|body| Body::new(Lingering(Some(body))))).await
}

/// A body that is read to its end when its reader drops it early.
struct Lingering(Option<Body>);

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let rest = self.0.take().filter(|body| !body.is_end_stream() && body.size_hint().lower() <= BYTES);
        // The runtime is gone when the process ends, and then nobody waits for an answer.
        if let (Some(rest), Ok(runtime)) = (rest, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(TIME, discard(rest)));
        }
    }
}

async fn discard(body: Body) {
    let mut parts = Pace::BRISK.watch(body.into_data_stream());
    let mut left = BYTES;
    while let Some(Ok(part)) = parts.next().await {
        left = left.saturating_sub(part.len() as u64);
        if left == 0 {
            return;
        }
    }
}
