//! The keys that an issuer of tokens publishes, fetched when they are needed and believed for some time.

use std::collections::HashMap;
use std::sync::{OnceLock, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::service::error::{Kind, Result, ServiceError};
use crate::settings::is_safe;

/// How long keys are believed without asking again.
const FRESH: Duration = Duration::from_secs(3600);
/// An unknown key makes us ask the issuer, but not more often than this: anybody can invent key names.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// The same where asking takes two questions.
const DISCOVER_AGAIN: Duration = Duration::from_secs(60);
/// After a failure nobody asks for so long, so that those who waited for it do not each wait for another.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A key set is a few kilobytes, and so is what says where it lies.
const MAX_ANSWER: usize = 1 << 20;

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct IssuerKeys {
    place: Place,
    /// Made when it is first needed: reading the system's certificates takes a while.
    http: OnceLock<reqwest::Client>,
    known: RwLock<Option<Known>>,
    /// Held by the one that asks; says when asking failed. Who needs a known key does not wait for it.
    asking: Mutex<Option<Instant>>,
}

/// Where the keys lie.
#[derive(Debug)]
enum Place {
    /// At this URL.
    At(String),
    /// Where this issuer says (OpenID Connect Discovery 1.0, section 4).
    ToldBy(String),
}

impl Place {
    fn ask_again(&self) -> Duration {
        match self {
            Self::At(_) => ASK_AGAIN,
            Self::ToldBy(_) => DISCOVER_AGAIN,
        }
    }
}

/// What counts of a discovery document.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Debug)]
struct Known {
    keys: HashMap<String, Jwk>,
    asked: Instant,
}

/// A key set whose keys are read one by one: a kind of key that is unknown here must not hide the others.
#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

impl IssuerKeys {
    /// The keys at this URL.
    pub(super) fn at(url: String) -> Self {
        Self::of(Place::At(url))
    }

    /// The keys of this issuer (`https://...` without a slash at its end), which says itself where they lie.
    pub(super) fn told_by(issuer: &str) -> Self {
        Self::of(Place::ToldBy(issuer.to_owned()))
    }

    fn of(place: Place) -> Self {
        Self { place, http: OnceLock::new(), known: RwLock::default(), asking: Mutex::default() }
    }

    /// The key of this name.
    pub(super) async fn find(&self, name: &str) -> Result<Jwk> {
        if let Some(answer) = self.look(name) {
            return answer;
        }
        let mut failed = self.asking.lock().await;
        if let Some(answer) = self.look(name) {
            return answer;
        }
        if failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(ServiceError::new(Kind::Unavailable, UNAVAILABLE));
        }
        let fetched = self.fetch().await;
        *failed = fetched.is_err().then(Instant::now);
        let keys = fetched?;
        let key = keys.get(name).cloned();
        if let Ok(mut known) = self.known.write() {
            *known = Some(Known { keys, asked: Instant::now() });
        }
        key.ok_or_else(unknown)
    }

    /// What is known of this name without asking; nothing when it is time to ask.
    fn look(&self, name: &str) -> Option<Result<Jwk>> {
        let known = self.known.read().ok()?;
        let Known { keys, asked } = known.as_ref()?;
        match keys.get(name) {
            Some(key) if asked.elapsed() < FRESH => Some(Ok(key.clone())),
            None if asked.elapsed() < self.place.ask_again() => Some(Err(unknown())),
            _ => None,
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, Jwk>> {
        let published: Published = match &self.place {
            Place::At(url) => self.get(url).await?,
            Place::ToldBy(issuer) => self.get(&self.discover(issuer).await?).await?,
        };
        let keys = published.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(keys.filter_map(|key| Some((key.common.key_id.clone()?, key))).collect())
    }

    /// Where the issuer says its keys are: nowhere but at the issuer's own, lest a document that somebody could put
    /// under its address names keys of his.
    async fn discover(&self, issuer: &str) -> Result<String> {
        let told: Discovery = self.get(&format!("{issuer}/.well-known/openid-configuration")).await?;
        if told.issuer.trim_end_matches('/') != issuer {
            return Err(unavailable("its discovery document is of another issuer"));
        }
        let origin = |url: &str| url::Url::parse(url).ok().map(|url| url.origin());
        if !is_safe(&told.jwks_uri) || origin(&told.jwks_uri) != origin(issuer) {
            return Err(unavailable("its discovery document names keys elsewhere"));
        }
        Ok(told.jwks_uri)
    }

    /// What lies at a URL.
    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T> {
        let answer = self.http.get_or_init(client).get(url).send().await;
        let mut answer = answer.and_then(reqwest::Response::error_for_status).map_err(unavailable)?;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(unavailable)? {
            if body.len() + part.len() > MAX_ANSWER {
                return Err(unavailable("its answer is over 1 MiB"));
            }
            body.extend_from_slice(&part);
        }
        serde_json::from_slice(&body).map_err(unavailable)
    }
}

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ServiceError {
    ServiceError::caused(Kind::Unavailable, UNAVAILABLE, error)
}

fn client() -> reqwest::Client {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // The HTTP client is built without a choice of cryptography; only another thread that was faster can make
        // this fail, and then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap_or_default()
}

const UNAVAILABLE: &str = "the issuer's keys could not be fetched";

fn unknown() -> ServiceError {
    ServiceError::new(
        Kind::Unauthenticated,
        "the token is signed with a key that its issuer does not publish",
    )
}
