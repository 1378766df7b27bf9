//! Requests to one registry: paced, counted, authorised, tried again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, Method, Response, StatusCode};
use tokio::time::sleep;
use url::Url;

use super::answer::{Refusal, header};
use super::auth::{Auth, Pass, Scopes, Source};
use super::counts::Tally;
use super::error::{RegistryError, is_transient};
use super::outgoing::{Outgoing, Watch};
use super::pace::Pace;
use super::retry::Effort;

/// Redirects that are followed one after the other.
const MAX_REDIRECTS: usize = 5;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) scopes: Scopes,
    /// How long the answer may take.
    pub(super) patience: Duration,
}

impl Ask {
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Result<Self, RegistryError> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| RegistryError::Protocol(format!("{name} cannot hold what it should")))?;
        self.headers.insert(name, value);
        Ok(self)
    }
}

/// How a request went.
pub(super) enum Exchange {
    /// It was answered.
    Answer(Response),
    /// It was not let in, and by now there is more to show: the same again may be.
    Renewed(Refusal),
}

/// The way to one registry.
#[derive(Debug)]
pub(super) struct Wire {
    http: Client,
    /// `https://HOST/v2/`
    base: Url,
    auth: Auth,
    pace: Pace,
    pub(super) tally: Arc<Tally>,
    pub(super) effort: Effort,
}

impl Wire {
    pub(super) fn new(base: Url, agent: &str, source: Source, effort: Effort) -> Result<Self, RegistryError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Only another thread that was faster can make this fail, and then there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let plain = base.scheme() == "http";
        let http =
            Client::builder().user_agent(agent).connect_timeout(effort.connect).redirect(Policy::none());
        // A proxy would read what is secret.
        let http = if plain { http.no_proxy() } else { http };
        let http = http.build().map_err(RegistryError::Client)?;
        // GHCR allows 2000 requests a minute.
        let rate = (base.host_str() == Some("ghcr.io")).then_some(30);
        let tally = Arc::<Tally>::default();
        let auth = Auth::new(http.clone(), plain, source, effort, Arc::clone(&tally));
        Ok(Self { http, base, auth, pace: Pace::new(rate), tally, effort })
    }

    /// `/v2/` and what comes after it.
    pub(super) fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.base.join(path).map_err(|_| RegistryError::Protocol("its address cannot be one".to_owned()))
    }

    /// A request without headers and body.
    pub(super) fn ask(&self, method: Method, url: Url, scopes: Scopes) -> Ask {
        let patience = self.effort.idle;
        Ask { method, url, headers: HeaderMap::new(), body: Bytes::new(), scopes, patience }
    }

    /// Where an answer leads, seen from the URL that was asked.
    pub(super) fn location(&self, asked: &Url, headers: &HeaderMap) -> Result<Url, RegistryError> {
        let wrong = |why: &str| RegistryError::Protocol(format!("its location {why}"));
        let text = header(headers, LOCATION);
        if text.is_empty() {
            return Err(wrong("is missing"));
        }
        let mut url = asked.join(text).map_err(|_| wrong("is no address"))?;
        url.set_fragment(None);
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.base.scheme() == "http" => Ok(url),
            _ => Err(wrong("leads away from TLS")),
        }
    }

    /// One try. `body`, where there is one, is sent instead of the request's own, in chunks.
    pub(super) async fn exchange(
        &self,
        ask: &Ask,
        body: Option<(Outgoing, &Watch)>,
    ) -> Result<Exchange, RegistryError> {
        // Whoever is elsewhere must not learn who we are.
        let own = ask.url.origin() == self.base.origin();
        let first = if own { self.auth.first().await } else { None };
        let pass = if own { self.auth.pass(&ask.scopes).await? } else { Pass::default() };
        self.pace.turn().await;
        let answer = self.once(ask, &pass, body).await?;
        if own && answer.status() == StatusCode::UNAUTHORIZED {
            let renewed = self.auth.renew(&pass, answer.headers(), &ask.scopes).await;
            self.auth.learned();
            if renewed? {
                return Ok(Exchange::Renewed(self.refusal(answer).await));
            }
        }
        if own {
            self.auth.learned();
        }
        drop(first);
        Ok(Exchange::Answer(answer))
    }

    async fn once(
        &self,
        ask: &Ask,
        pass: &Pass,
        body: Option<(Outgoing, &Watch)>,
    ) -> Result<Response, RegistryError> {
        let mut request = self.http.request(ask.method.clone(), ask.url.clone()).headers(ask.headers.clone());
        if let Some(header) = &pass.header {
            request = request.header(AUTHORIZATION, header);
        }
        let own = Watch::default();
        let (body, watch) = match body {
            Some((outgoing, watch)) => (Body::wrap_stream(outgoing), watch),
            None => {
                self.tally.sent(ask.body.len());
                (Body::from(ask.body.clone()), &own)
            }
        };
        // A POST, PATCH or PUT without a body says so; reqwest leaves the length out of an empty one.
        if ask.body.is_empty()
            && body.as_bytes().is_some()
            && !matches!(ask.method, Method::GET | Method::HEAD)
        {
            request = request.header(reqwest::header::CONTENT_LENGTH, 0);
        }
        self.tally.request();
        watch.begin();
        tokio::select! {
            answer = request.body(body).send() => answer.map_err(RegistryError::http),
            () = watch.stall(ask.patience) => Err(RegistryError::Stalled(ask.patience)),
        }
    }

    /// What an answer says that says no.
    pub(super) async fn refusal(&self, answer: Response) -> Refusal {
        Refusal::of(answer, self.effort.idle).await
    }

    /// Waits before the next try. When the registry asked to be left alone, it is by everybody.
    pub(super) async fn rest(&self, failed: u32, asked: Option<Duration>) {
        self.tally.retry();
        let wait = self.effort.wait(failed, asked);
        if asked.is_some() {
            self.pace.quiet(wait).await;
        } else {
            sleep(wait).await;
        }
    }

    /// Sends a request that may be sent any number of times, until it is answered by other than "not now".
    pub(super) async fn send(&self, ask: &Ask) -> Result<Response, RegistryError> {
        let (mut failed, mut renewed) = (0, false);
        loop {
            let error = match self.exchange(ask, None).await {
                Ok(Exchange::Renewed(_)) if !renewed => {
                    renewed = true;
                    continue;
                }
                Ok(Exchange::Renewed(refusal)) => return Err(RegistryError::Refused(refusal)),
                Ok(Exchange::Answer(answer)) if !is_transient(answer.status()) => return Ok(answer),
                Ok(Exchange::Answer(answer)) => RegistryError::Refused(self.refusal(answer).await),
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(error),
            };
            failed += 1;
            if failed >= self.effort.tries {
                return Err(error);
            }
            self.rest(failed, error.asked_wait()).await;
        }
    }

    /// Sends a question and follows where it leads.
    pub(super) async fn follow(&self, mut ask: Ask) -> Result<Response, RegistryError> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(&ask).await?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            ask.url = self.location(&ask.url, answer.headers())?;
        }
        Err(RegistryError::Protocol("it leads from one place to the next".to_owned()))
    }
}
