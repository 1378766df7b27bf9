//! One method of the service.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::retry::{Try, may_pass, persist, wanted_pause};
use super::{CacheClient, ClientError, Reason, error};
use crate::twirp::{Encoding, MAX_MESSAGE_BYTES, Wire};

/// How an error looks; the service says `msg`, some say `message`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fault {
    code: String,
    msg: String,
    message: String,
}

impl CacheClient {
    /// Calls `method`; tried again while the service is out of order.
    pub(super) async fn call<Q: Wire, A: Wire>(
        &self,
        method: &str,
        request: &Q,
        attempted: &(dyn Fn() -> String + Sync),
    ) -> Result<A, ClientError> {
        let inner = &*self.0;
        let body = bytes::Bytes::from(Encoding::Json.encode(request));
        let mut url = inner.base.clone();
        url.set_path(&format!("{}{method}", inner.base.path()));
        persist(&inner.patience, Some(inner.patience.total), attempted, || {
            inner.counters.request(body.len() as u64);
            let sending = inner
                .http
                .post(url.clone())
                .header(CONTENT_TYPE, Encoding::Json.content_type())
                .header(AUTHORIZATION, format!("Bearer {}", inner.token.expose()))
                .body(body.clone())
                .send();
            async move {
                match sending.await {
                    Ok(response) => self.answer(response).await,
                    Err(error) => Try::Again(Reason::Network(error.without_url()), None),
                }
            }
        })
        .await
    }

    async fn answer<A: Wire>(&self, response: Response) -> Try<A> {
        let (status, pause) = (response.status(), wanted_pause(response.headers()));
        let body = match self.bounded(response, MAX_MESSAGE_BYTES).await {
            Ok(body) => body,
            Err(reason) => return Try::Again(reason, pause),
        };
        if status.is_success() {
            return match Encoding::Json.decode(&body) {
                Ok(answer) => Try::Done(Ok(answer)),
                // A proxy in the way answers so, for a while.
                Err(error) => Try::Again(Reason::Garbage(format!("no answer of its own: {error}")), pause),
            };
        }
        let reason = refusal(status, pause, &body);
        if may_pass(status) { Try::Again(reason, pause) } else { Try::Done(Err(reason)) }
    }

    /// The body of an answer that should be small.
    pub(super) async fn bounded(&self, mut response: Response, most: usize) -> Result<Vec<u8>, Reason> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(piece)) if body.len() + piece.len() > most => {
                    return Err(Reason::Garbage(format!("an answer of more than {most} bytes")));
                }
                Ok(Some(piece)) => body.extend_from_slice(&piece),
                Ok(None) => break,
                Err(error) => return Err(Reason::Network(error.without_url())),
            }
        }
        self.0.counters.received(body.len() as u64);
        Ok(body)
    }
}

/// What an answer other than 200 means.
fn refusal(status: StatusCode, pause: Option<std::time::Duration>, body: &[u8]) -> Reason {
    let fault: Fault = serde_json::from_slice(body).unwrap_or_default();
    let said = if fault.msg.is_empty() { fault.message } else { fault.msg };
    let message = match error::shown(&said) {
        empty if empty.is_empty() => error::shown(&String::from_utf8_lossy(body)),
        message => message,
    };
    match status.as_u16() {
        429 => Reason::Limited(pause),
        409 => Reason::Taken,
        401 | 403 => Reason::Denied(message),
        _ if fault.code == "already_exists" => Reason::Taken,
        status @ (408 | 500..) => Reason::Outage { status, message },
        status => Reason::Refused(format!("status {status}: {message}")),
    }
}
