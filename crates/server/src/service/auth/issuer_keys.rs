//! The keys that an issuer of tokens publishes, fetched when they are needed and believed for some time.

use std::collections::HashMap;
use std::sync::{OnceLock, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::service::error::{Kind, Result, ServiceError};

/// How long keys are believed without asking again.
const FRESH: Duration = Duration::from_secs(3600);
/// An unknown key makes us ask the issuer, but not more often than this: anybody can invent key names.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// After a failure nobody asks for so long, so that those who waited for it do not each wait for another.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A key set is a few kilobytes.
const MAX_KEY_SET: usize = 1 << 20;

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct IssuerKeys {
    url: String,
    /// Made when it is first needed: reading the system's certificates takes a while.
    http: OnceLock<reqwest::Client>,
    known: RwLock<Option<Known>>,
    /// Held by the one that asks; says when asking failed. Who needs a known key does not wait for it.
    asking: Mutex<Option<Instant>>,
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
    /// The keys of this issuer (`https://...` without a slash at its end).
    pub(super) fn new(issuer: &str) -> Self {
        let url = format!("{issuer}/.well-known/jwks");
        Self { url, http: OnceLock::new(), known: RwLock::default(), asking: Mutex::default() }
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
            None if asked.elapsed() < ASK_AGAIN => Some(Err(unknown())),
            _ => None,
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, Jwk>> {
        let unavailable = |error: Box<dyn std::error::Error + Send + Sync>| {
            ServiceError::caused(Kind::Unavailable, UNAVAILABLE, error)
        };
        let answer = self
            .http
            .get_or_init(client)
            .get(&self.url)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        let mut answer = answer.map_err(|error| unavailable(error.into()))?;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| unavailable(error.into()))? {
            if body.len() + part.len() > MAX_KEY_SET {
                return Err(unavailable("the key set is over 1 MiB".into()));
            }
            body.extend_from_slice(&part);
        }
        let published: Published =
            serde_json::from_slice(&body).map_err(|error| unavailable(error.into()))?;
        let keys = published.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(keys.filter_map(|key| Some((key.common.key_id.clone()?, key))).collect())
    }
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
