//! A binary cache of a Snowbank server, by our own calls: many paths in one message.

pub(crate) mod answer;
mod layers;
mod place;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use snowbank_actions::client::{Attempt, ClientError, Traffic};
use snowbank_binary_cache::bulk::PROTOBUF;
use tokio::time::timeout;

use answer::{broken, failure};
pub use place::{PlaceError, SitePlace};

/// For a connection to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// The wait before the second attempt; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How long and how often one call is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Attempts.
    pub attempts: u32,
    /// For one attempt, body and all.
    pub wait: Duration,
}

impl Default for Effort {
    /// Five attempts of ten minutes: the server answers a few calls only when it has read gigabytes.
    fn default() -> Self {
        Self { attempts: 5, wait: Duration::from_secs(600) }
    }
}

/// A binary cache of a Snowbank server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Site {
    place: Arc<SitePlace>,
    /// `Authorization`, kept out of every debug output.
    token: Option<HeaderValue>,
    http: Client,
    effort: Effort,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Site {
    /// The cache at `place`. Nothing is asked of it yet. `agent` is what the client calls itself.
    ///
    /// # Errors
    /// When the token cannot be one, or no HTTP client can be made.
    pub fn new(
        place: SitePlace,
        token: Option<&str>,
        agent: &str,
        effort: Effort,
    ) -> Result<Self, ClientError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Only another thread that was faster can make this fail, and then there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let token = token.map(authorization).transpose()?;
        let http = Client::builder().user_agent(agent).connect_timeout(CONNECT).redirect(Policy::none());
        // A proxy would read the token.
        let open = token.is_some() && place.cache().scheme() == "http";
        let http = if open { http.no_proxy() } else { http };
        let http = http.build().map_err(|error| {
            ClientError::Usage(format!("no HTTP client can be made: {}", error.without_url()))
        })?;
        Ok(Self { place: Arc::new(place), token, http, effort, counts: Arc::default() })
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &SitePlace {
        &self.place
    }

    /// What went over the wire, bodies alone.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Traffic {
            requests: read(&self.counts.requests),
            sent: read(&self.counts.sent),
            received: read(&self.counts.received),
        }
    }

    /// Asks by one message and has the answer in one of at most `most` bytes. `verb` says for errors what is attempted.
    ///
    /// # Errors
    /// When the server does not answer, does not let it be done, or the answer is none.
    pub async fn ask<A: Message + Default>(
        &self,
        verb: &str,
        call: &str,
        question: &impl Message,
        most: usize,
    ) -> Result<A, ClientError> {
        let body = Bytes::from(question.encode_to_vec());
        let bytes = self.send(verb, Method::POST, call, body, most).await?;
        A::decode(bytes).map_err(|_| ClientError::Garbage {
            attempt: self.attempt(verb),
            why: "the answer is no message".to_owned(),
        })
    }

    /// Sends a body again and again, until it is answered; gives back the answer's body, of at most `most` bytes. For
    /// calls that may be made twice.
    ///
    /// # Errors
    /// As for [`Site::ask`].
    pub async fn send(
        &self,
        verb: &str,
        method: Method,
        call: &str,
        body: Bytes,
        most: usize,
    ) -> Result<Bytes, ClientError> {
        let mut failed = 0;
        loop {
            let once = async {
                let answer = self.once(verb, &method, call, body.clone()).await?;
                self.body(verb, answer, most).await
            };
            let waited = self.effort.wait;
            let outcome = timeout(waited, once).await;
            let error = match outcome {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => ClientError::TimedOut { attempt: self.attempt(verb), waited },
            };
            failed += 1;
            if !error.is_outage() || failed >= self.effort.attempts {
                return Err(error);
            }
            tokio::time::sleep(FIRST_WAIT * 2_u32.pow(failed - 1)).await;
        }
    }

    /// One request, once: the answer's head says that all is well, its body has yet to come.
    ///
    /// # Errors
    /// When the server does not answer, or does not let it be done.
    pub async fn once(
        &self,
        verb: &str,
        method: &Method,
        call: &str,
        body: Bytes,
    ) -> Result<Response, ClientError> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let sent = body.len() as u64;
        let request = self.http.request(method.clone(), self.place.call(call));
        let request = request.header(CONTENT_TYPE, PROTOBUF).body(body);
        let request = self.token.iter().fold(request, |request, token| request.header(AUTHORIZATION, token));
        let answer = request.send().await.map_err(|error| broken(self.attempt(verb), error))?;
        self.counts.sent.fetch_add(sent, Ordering::Relaxed);
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(failure(self.attempt(verb), answer).await)
    }

    /// The next piece of an answer's body.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn piece(&self, verb: &str, answer: &mut Response) -> Result<Option<Bytes>, ClientError> {
        let piece = answer.chunk().await.map_err(|error| broken(self.attempt(verb), error))?;
        let bytes = piece.as_ref().map_or(0, Bytes::len) as u64;
        self.counts.received.fetch_add(bytes, Ordering::Relaxed);
        Ok(piece)
    }

    /// What is attempted here, for errors.
    #[must_use]
    pub fn attempt(&self, verb: &str) -> Attempt {
        Attempt::new(verb, None, &self.place.to_string())
    }

    async fn body(&self, verb: &str, mut answer: Response, most: usize) -> Result<Bytes, ClientError> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece(verb, &mut answer).await? {
            if body.len() + piece.len() > most {
                let why = format!("the answer has more than {most} bytes");
                return Err(ClientError::Garbage { attempt: self.attempt(verb), why });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.into())
    }
}

fn authorization(token: &str) -> Result<HeaderValue, ClientError> {
    let wrong = || ClientError::Usage("the token is empty, or has characters that no token has".to_owned());
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok(value)
}
