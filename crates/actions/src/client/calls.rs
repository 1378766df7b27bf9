//! The calls of the service.

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::error::{Attempt, ClientError};
use super::http::Http;
use super::patience::{Failure, Pace};
use super::text::shown;
use crate::twirp::{MAX_MESSAGE_BYTES, SERVICE};

/// The service, with the right to call it.
#[derive(Clone, Debug)]
pub(super) struct Service {
    base: Url,
    authorization: HeaderValue,
    token: super::Token,
}

/// A success, or the status and message of a refusal that the caller may know to read.
pub(super) enum Answer<T> {
    Message(T),
    Conflict,
}

impl Service {
    pub(super) fn new(url: &str, token: super::Token) -> Result<Self, ClientError> {
        let mut base = super::urls::parse(url.trim_ascii())?;
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let bad = || ClientError::Usage("the token is empty or has characters that no token has".to_owned());
        let text = token.expose();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad());
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| bad())?;
        authorization.set_sensitive(true);
        Ok(Self { base, authorization, token })
    }

    pub(super) fn host(&self) -> String {
        super::urls::host(&self.base)
    }

    /// Appended, so that a prefix of the base stays.
    fn url(&self, method: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{SERVICE}/{method}", self.base.path().trim_end_matches('/')));
        url
    }

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
        let request = http
            .inner
            .post(self.url(method))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let wait = pace.left().min(http.patience.stall);
        let mut answer = http.send(request, attempt, wait).await?;
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
            return Err(http.failure(answer, attempt, &[self.token.expose()], denied).await);
        }
        let garbage = |why| ClientError::Garbage { attempt: attempt.clone(), why };
        let body = http.body(&mut answer, attempt, MAX_MESSAGE_BYTES, pace.left()).await?;
        let body = body.ok_or_else(|| garbage(format!("the answer has over {MAX_MESSAGE_BYTES} bytes")))?;
        serde_json::from_slice(&body).map(Answer::Message).map_err(|_| {
            let text = shown(&String::from_utf8_lossy(&body), &[self.token.expose()]);
            garbage(format!("the answer is not the JSON of a cache service: {text}")).into()
        })
    }
}
