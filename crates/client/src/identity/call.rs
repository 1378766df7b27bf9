//! One question with a small JSON answer, asked again while nobody answers.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use snowbank_actions::client::{Attempt, ClientError};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::site::answer::{broken, failure};

/// Bytes of an answer at the most: the longest token, and what JSON is around it.
const MAX_ANSWER: usize = 64 << 10;

/// For a connection to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// For one attempt.
const WAIT: Duration = Duration::from_secs(30);

const ATTEMPTS: u32 = 4;

/// The wait before the second attempt; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Who asks one question.
pub(super) struct Caller<'a> {
    http: Client,
    attempt: Attempt,
    /// What must not be in an error, whoever says it.
    secret: &'a str,
}

impl<'a> Caller<'a> {
    pub(super) fn new(verb: &str, url: &Url, secret: &'a str, agent: &str) -> Result<Self, ClientError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Only another thread that was faster can make this fail, and then there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let http = Client::builder().user_agent(agent).connect_timeout(CONNECT).redirect(Policy::none());
        // A proxy would read what is secret.
        let http = if url.scheme() == "http" { http.no_proxy() } else { http };
        let http = http.build().map_err(|error| {
            ClientError::Usage(format!("no HTTP client can be made: {}", error.without_url()))
        })?;
        let origin = url.origin().ascii_serialization();
        Ok(Self { http, attempt: Attempt::new(verb, None, &origin), secret })
    }

    /// The answer, which is tried for again while the other side is not well.
    pub(super) async fn ask<A: DeserializeOwned>(
        &self,
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Result<A, ClientError> {
        let mut failed = 0;
        let body = loop {
            let error = match timeout(WAIT, self.once(request(&self.http))).await {
                Ok(Ok(body)) => break body,
                Ok(Err(error)) => error,
                Err(_) => ClientError::TimedOut { attempt: self.attempt.clone(), waited: WAIT },
            };
            failed += 1;
            if !error.is_outage() || failed >= ATTEMPTS {
                return Err(self.without_secret(error));
            }
            sleep(FIRST_WAIT * 2_u32.pow(failed - 1)).await;
        };
        serde_json::from_slice(&body)
            .map_err(|_| self.garbage("the answer is not the JSON that was asked for"))
    }

    /// An answer that cannot be right.
    pub(super) fn garbage(&self, why: &str) -> ClientError {
        ClientError::Garbage { attempt: self.attempt.clone(), why: why.to_owned() }
    }

    async fn once(&self, request: RequestBuilder) -> Result<Vec<u8>, ClientError> {
        let attempt = || self.attempt.clone();
        let mut answer = request.send().await.map_err(|error| broken(attempt(), error))?;
        if !answer.status().is_success() {
            return Err(failure(attempt(), answer).await);
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| broken(attempt(), error))? {
            if body.len() + piece.len() > MAX_ANSWER {
                return Err(self.garbage(&format!("the answer has more than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// A server may say in its refusal what it refuses.
    fn without_secret(&self, mut error: ClientError) -> ClientError {
        if let ClientError::Denied { message, .. }
        | ClientError::Failed { message, .. }
        | ClientError::Missing { message, .. }
        | ClientError::Rejected { message, .. } = &mut error
            && !self.secret.is_empty()
        {
            *message = message.replace(self.secret, "***");
        }
        error
    }
}
