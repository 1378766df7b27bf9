//! The calls of the service.

use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::Access;
use super::error::{Attempt, ClientError};
use super::http::Http;
use super::patience::{Failure, Pace};
use super::text::shown;
use crate::twirp::{MAX_MESSAGE_BYTES, SERVICE};

/// A success, or the status and message of a refusal that the caller may know to read.
pub(super) enum Answer<T> {
    Message(T),
    Conflict,
}

impl Access {
    /// One call, repeated while that may help. A call whose answer was lost may have worked: a second reservation
    /// then meets the first, as a conflict.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        http: &Http,
        method: &str,
        message: &impl Serialize,
        attempt: &Attempt,
    ) -> Result<Answer<T>, ClientError> {
        let body = serde_json::to_vec(message)
            .map_err(|error| ClientError::Usage(format!("the message cannot be written: {error}")))?;
        let mut pace = Pace::new(http.patience);
        loop {
            match self.once(http, method, body.clone(), attempt, &pace).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => pace.wait(failure).await?,
            }
        }
    }

    async fn once<T: DeserializeOwned>(
        &self,
        http: &Http,
        method: &str,
        body: Vec<u8>,
        attempt: &Attempt,
        pace: &Pace,
    ) -> Result<Answer<T>, Failure> {
        let size = body.len();
        let url = self.url(&format!("{SERVICE}/{method}"));
        let request = http.inner.post(url).header(CONTENT_TYPE, "application/json").body(body);
        let wait = pace.left().min(http.patience.stall);
        let mut answer = http.send(self.admit(request), attempt, wait).await?;
        http.counters.sent(size);
        let status = answer.status();
        if status == StatusCode::CONFLICT {
            return Ok(Answer::Conflict);
        }
        if !status.is_success() {
            let denied = |status: StatusCode, message| {
                let denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
                denied.then(|| ClientError::Denied { attempt: attempt.clone(), status, message })
            };
            return Err(http.failure(answer, attempt, &[self.secret()], denied).await);
        }
        let garbage = |why| ClientError::Garbage { attempt: attempt.clone(), why };
        let body = http.body(&mut answer, attempt, MAX_MESSAGE_BYTES, pace.left()).await?;
        let body = body.ok_or_else(|| garbage(format!("the answer has over {MAX_MESSAGE_BYTES} bytes")))?;
        serde_json::from_slice(&body).map(Answer::Message).map_err(|_| {
            let text = shown(&String::from_utf8_lossy(&body), &[self.secret()]);
            garbage(format!("the answer is not the JSON of a cache service: {text}")).into()
        })
    }
}
