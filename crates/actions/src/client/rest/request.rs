//! One call, repeated while that may help.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{ACCEPT, HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::{Repository, RestClient};
use crate::client::error::{Attempt, ClientError};
use crate::client::patience::{Failure, Pace, retry_after};
use crate::client::text::shown;

/// Bytes of an answer at the most: a page of 100 entries whose keys are all as long as they may be has some two million.
const MAX_ANSWER: usize = 4 << 20;

impl RestClient {
    /// A `GET` below a repository's `actions`.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        repository: &Repository,
        path: &str,
        query: &[(&str, String)],
        attempt: &Attempt,
    ) -> Result<T, ClientError> {
        let body = self.send(Method::GET, repository, path, query, attempt).await?;
        self.parse(&body, attempt)
    }

    /// Any call below a repository's `actions`. A call whose answer was lost may have worked: a second `DELETE` then
    /// finds nothing.
    pub(super) async fn send(
        &self,
        method: Method,
        repository: &Repository,
        path: &str,
        query: &[(&str, String)],
        attempt: &Attempt,
    ) -> Result<Vec<u8>, ClientError> {
        let mut pace = Pace::new(self.http.patience);
        let mut url = self.server.url(&format!("/repos/{repository}/actions/{path}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        loop {
            let request = self.http.inner.request(method.clone(), url.clone());
            let request = request.header(ACCEPT, "application/vnd.github+json");
            match self.once(self.server.admit(request), attempt, &pace).await {
                Ok(body) => return Ok(body),
                Err(failure) => pace.wait(failure).await?,
            }
        }
    }

    async fn once(
        &self,
        request: reqwest::RequestBuilder,
        attempt: &Attempt,
        pace: &Pace,
    ) -> Result<Vec<u8>, Failure> {
        let wait = pace.left().min(self.http.patience.stall);
        let mut answer = self.http.send(request, attempt, wait).await?;
        let status = answer.status();
        if status == StatusCode::FORBIDDEN
            && let Some(wait) = limited(answer.headers(), SystemTime::now())
        {
            let error = ClientError::Limited { attempt: attempt.clone(), retry_after: Some(wait) };
            return Err(Failure { error, retry_after: Some(wait) });
        }
        if !status.is_success() {
            let refused = |status, message| match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    Some(ClientError::Denied { attempt: attempt.clone(), status, message })
                }
                StatusCode::NOT_FOUND => Some(ClientError::Missing { attempt: attempt.clone(), message }),
                _ => None,
            };
            return Err(self.http.failure(answer, attempt, &[self.server.secret()], refused).await);
        }
        let body = self.http.body(&mut answer, attempt, MAX_ANSWER, pace.left()).await?;
        body.ok_or_else(|| {
            let why = format!("the answer has over {MAX_ANSWER} bytes");
            ClientError::Garbage { attempt: attempt.clone(), why }.into()
        })
    }

    pub(super) fn parse<T: DeserializeOwned>(
        &self,
        body: &[u8],
        attempt: &Attempt,
    ) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|_| {
            let text = shown(&String::from_utf8_lossy(body), &[self.server.secret()]);
            let why = format!("the answer is not the JSON of GitHub's API: {text}");
            ClientError::Garbage { attempt: attempt.clone(), why }
        })
    }
}

/// The wait that a 403 asks for when it means a limit and not a refusal. Source: GitHub's REST documentation, "rate
/// limits": `retry-after`, else `x-ratelimit-remaining: 0` and the second of `x-ratelimit-reset`.
fn limited(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(value) = header(RETRY_AFTER.as_str()) {
        return retry_after(value, now);
    }
    if header("x-ratelimit-remaining")?.trim_ascii() != "0" {
        return None;
    }
    let reset: u32 = header("x-ratelimit-reset")?.trim_ascii().parse().ok()?;
    Some((UNIX_EPOCH + Duration::from_secs(reset.into())).duration_since(now).unwrap_or_default())
}
