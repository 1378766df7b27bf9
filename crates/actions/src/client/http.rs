//! One request and its answer: time limits, bounds, redirects, counting.

use std::time::{Duration, SystemTime};

use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, StatusCode};

use super::error::{Attempt, ClientError};
use super::patience::{Failure, Patience, retry_after};
use super::text::because;
use super::traffic::Counters;

/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Bytes of an error's body that are read.
const MAX_ERROR: usize = 4 << 10;

/// The HTTP client and what is counted of it.
#[derive(Clone, Debug)]
pub(super) struct Http {
    pub(super) inner: reqwest::Client,
    pub(super) counters: Counters,
    pub(super) patience: Patience,
}

impl Http {
    pub(super) fn new(patience: Patience, user_agent: &str) -> Result<Self, ClientError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Only another thread that was faster can make this fail, and then there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let inner = reqwest::Client::builder()
            .user_agent(user_agent)
            .connect_timeout(patience.connect)
            .redirect(Policy::custom(|next| {
                let downgrade = next.url().scheme() == "http"
                    && next.previous().last().is_some_and(|before| before.scheme() == "https");
                if downgrade || next.previous().len() > REDIRECTS { next.stop() } else { next.follow() }
            }))
            // It would tell the next host the signed URL.
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .build()
            .map_err(|error| {
                ClientError::Usage(format!("no HTTP client can be made: {}", error.without_url()))
            })?;
        Ok(Self { inner, counters: Counters::default(), patience })
    }

    /// Sends a request whose body is at hand and waits for the head of the answer.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        attempt: &Attempt,
        wait: Duration,
    ) -> Result<Response, ClientError> {
        self.counters.request();
        match tokio::time::timeout(wait, request.send()).await {
            Ok(answer) => answer.map_err(|error| unreachable(attempt, error)),
            Err(_) => Err(ClientError::TimedOut { attempt: attempt.clone(), waited: wait }),
        }
    }

    /// The next piece of the body.
    pub(super) async fn piece(
        &self,
        answer: &mut Response,
        attempt: &Attempt,
        wait: Duration,
    ) -> Result<Option<bytes::Bytes>, ClientError> {
        let piece = match tokio::time::timeout(wait, answer.chunk()).await {
            Ok(piece) => piece.map_err(|error| unreachable(attempt, error))?,
            Err(_) => return Err(ClientError::TimedOut { attempt: attempt.clone(), waited: wait }),
        };
        self.counters.received(piece.as_ref().map_or(0, bytes::Bytes::len));
        Ok(piece)
    }

    /// The whole body. `None` when it is longer than `most` bytes.
    pub(super) async fn body(
        &self,
        answer: &mut Response,
        attempt: &Attempt,
        most: usize,
        wait: Duration,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let mut body = Vec::new();
        let end = tokio::time::Instant::now() + wait;
        loop {
            let left = end.saturating_duration_since(tokio::time::Instant::now()).min(self.patience.stall);
            let Some(piece) = self.piece(answer, attempt, left).await? else { return Ok(Some(body)) };
            if body.len() + piece.len() > most {
                return Ok(None);
            }
            body.extend_from_slice(&piece);
        }
    }

    /// What an answer that is no success means; `refused` makes the error of 401, 403, 404 and 410 where these have
    /// a meaning of their own.
    pub(super) async fn failure(
        &self,
        mut answer: Response,
        attempt: &Attempt,
        secrets: &[&str],
        refused: impl FnOnce(StatusCode, String) -> Option<ClientError>,
    ) -> Failure {
        let status = answer.status();
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = after.and_then(|value| retry_after(value, SystemTime::now()));
        // A connection that is left with a body unread is closed, which a retry can afford.
        let body = self.body(&mut answer, attempt, MAX_ERROR, Duration::from_secs(5)).await;
        let body = body.ok().flatten().unwrap_or_default();
        let message = because(&said(&body), secrets);
        let attempt = attempt.clone();
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Failure {
                error: ClientError::Limited { attempt, retry_after: after },
                retry_after: after,
            };
        }
        if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            return Failure { error: ClientError::Failed { attempt, status, message }, retry_after: after };
        }
        if status.is_redirection() {
            let why = "it was redirected too often, or from https to http".to_owned();
            return ClientError::Garbage { attempt, why }.into();
        }
        let error = refused(status, message.clone());
        error.unwrap_or(ClientError::Rejected { attempt, status, message }).into()
    }
}

/// The message of a Twirp error, of a v1 error, or the text as it is.
pub(super) fn said(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let field = |name: &str| json.as_ref()?.get(name)?.as_str().map(str::to_owned);
    field("msg").or_else(|| field("message")).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

/// A broken connection, without the URL, whose query may be a credential.
pub(super) fn unreachable(attempt: &Attempt, error: reqwest::Error) -> ClientError {
    ClientError::Unreachable { attempt: attempt.clone(), source: Box::new(error.without_url()) }
}
