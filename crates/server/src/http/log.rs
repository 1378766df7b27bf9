//! One line for each request, without a secret: never the query, never a header.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tracing::Instrument;

use super::prefixed::{Place, place};
use super::request_id::RequestId;

/// Longer paths are cut in the log.
const MAX_PATH: usize = 160;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request and logs it when its answer has been sent, or given up.
pub(super) async fn log(mut request: Request, next: Next) -> Response {
    let id = RequestId::next();
    let mut line = Line {
        id,
        method: request.method().clone(),
        path: shown(request.uri().path()),
        status: StatusCode::OK,
        sent: 0,
        started: Instant::now(),
        complete: false,
    };
    request.extensions_mut().insert(id);
    let span = tracing::info_span!("request", %id);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    line.status = response.status();
    response.map(|body| {
        line.complete = body.is_end_stream();
        Body::new(Logged { body, line })
    })
}

/// The path as the log shows it. What stands before a cache protocol may be a token: act and old servers put theirs
/// there.
fn shown(path: &str) -> String {
    let at = match place(path) {
        Some(Place::Twirp(at) | Place::ArtifactCache(at)) => at,
        None => 0,
    };
    let before = if at > 1 { "..." } else { "" };
    let path = if at > 1 { &path[at..] } else { path };
    before.chars().chain(path.chars()).take(MAX_PATH).collect()
}

struct Line {
    id: RequestId,
    method: Method,
    path: String,
    status: StatusCode,
    sent: u64,
    started: Instant,
    complete: bool,
}

impl Drop for Line {
    fn drop(&mut self) {
        let Self { id, method, path, status, sent, started, complete } = self;
        let (status, ms) = (status.as_u16(), started.elapsed().as_millis());
        if path == "/healthz" {
            tracing::debug!(%id, %method, path, status, sent, ms, complete, "served");
        } else {
            tracing::info!(%id, %method, path, status, sent, ms, complete, "served");
        }
    }
}

/// The answer's body, counted on its way out.
struct Logged {
    body: Body,
    line: Line,
}

impl HttpBody for Logged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.line.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.line.complete = self.body.is_end_stream();
            }
            Poll::Ready(None) => self.line.complete = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_token_is_not_shown() {
        assert_eq!(shown("/secret/_apis/artifactcache/cache"), "..._apis/artifactcache/cache");
        assert_eq!(shown("/secret_apis/artifactcache/cache"), "..._apis/artifactcache/cache");
        assert_eq!(shown("/_apis/artifactcache/cache"), "/_apis/artifactcache/cache");
    }

    #[test]
    fn paths_are_cut() {
        assert_eq!(shown("/blobs/upload/7"), "/blobs/upload/7");
        assert_eq!(shown(&"/é".repeat(500)).chars().count(), MAX_PATH);
    }
}
