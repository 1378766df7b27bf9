//! One line for each request, without a secret: never the query, never a header.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tracing::{Instrument, Span};

use super::prefixed::{Place, place};
use super::request_id::RequestId;
use super::route::Route;
use super::told::Told;
use super::trace;
use crate::service::{Call, Outcome, Service};

/// Longer paths are cut in the log.
const MAX_PATH: usize = 160;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, counts it, and logs it when its answer has been sent, or given up.
pub(super) async fn log(State(service): State<Service>, mut request: Request, next: Next) -> Response {
    let id = RequestId::next();
    let route = Route::of(request.method(), request.uri().path());
    let told = Told::new(route);
    let span = span(id, route);
    trace::follow(&span, request.headers());
    trace::note(&span, "http.request.method", request.method().as_str().to_owned());
    let mut line = Line {
        service,
        id,
        told: told.clone(),
        span: span.clone(),
        method: request.method().clone(),
        path: shown(request.uri().path()),
        status: StatusCode::OK,
        sent: 0,
        started: Instant::now(),
        announced: None,
        ended: false,
    };
    request.extensions_mut().insert(id);
    request.extensions_mut().insert(told.clone());
    let request = request.map(|body| Body::new(Counted { body, told }));
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    line.status = response.status();
    let (protocol, call, after) = (route.protocol, route.call, line.started.elapsed());
    line.service.metrics().answered(protocol, call, line.status.as_u16(), after);
    line.announced = announced(&line.method, &response);
    response.map(|body| Body::new(Logged { body, line }))
}

/// Bytes that the answer's body will have, where that is known. Nobody reads on after the last of them.
fn announced(method: &Method, response: &Response) -> Option<u64> {
    if *method == Method::HEAD || response.body().is_end_stream() {
        return Some(0);
    }
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Those who watch ask all the time: their requests are no news, and no traces.
fn span(id: RequestId, Route { protocol, call }: Route) -> Span {
    if watches(call) {
        return tracing::debug_span!("request", %id);
    }
    let name = format_args!("{} {}", protocol.word(), call.word());
    tracing::info_span!("request", %id, otel.name = %name, otel.kind = "server")
}

fn watches(call: Call) -> bool {
    matches!(call, Call::Health | Call::Metrics)
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
    service: Service,
    id: RequestId,
    told: Told,
    /// It ends with the answer, not with its beginning.
    span: Span,
    method: Method,
    path: String,
    status: StatusCode,
    sent: u64,
    started: Instant,
    announced: Option<u64>,
    /// Whether the body said that it was at its end.
    ended: bool,
}

impl Drop for Line {
    fn drop(&mut self) {
        let Self { service, id, told, span, method, path, status, sent, started, announced, ended } = self;
        let (status, ms, sent) = (status.as_u16(), started.elapsed().as_millis(), *sent);
        let complete = *ended || *announced == Some(sent);
        let (received, Route { protocol, call }) = (told.received(), told.route());
        service.metrics().carried(protocol, received, sent);
        let (protocol, repository) = (protocol.word(), told.name());
        let outcome = told.outcome().map(Outcome::word);
        trace::note(span, "http.response.status_code", i64::from(status));
        for (name, value) in [("snowbank.repository", repository), ("snowbank.outcome", outcome)] {
            if let Some(value) = value {
                trace::note(span, name, value.to_owned());
            }
        }
        if watches(call) {
            tracing::debug!(%id, %method, path, status, sent, ms, complete, "served");
        } else {
            tracing::info!(%id, protocol, %method, path, status, repository, outcome, received, sent, ms, complete, "served");
        }
    }
}

/// A request's body, counted on its way in.
struct Counted {
    body: Body,
    told: Told,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.told.note_received(frame.data_ref().map_or(0, |data| data.len() as u64));
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
                self.line.ended = self.body.is_end_stream();
            }
            Poll::Ready(None) => self.line.ended = true,
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
