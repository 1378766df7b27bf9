//! Letting a registry know who asks: by the challenge that it answers with (Docker's token authentication, RFC 7617).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use url::Url;

use super::counts::Tally;
use super::credentials::{Credential, CredentialFiles, Login};
use super::error::RegistryError;
use super::retry::Effort;
use crate::reference::Reference;

pub mod challenge;
mod token;

use challenge::Challenge;

/// What may be done where, as tokens say it: `repository:NAME:pull,push`.
pub(super) type Scopes = BTreeSet<String>;

/// Tokens that are kept; the oldest goes.
const MAX_TOKENS: usize = 16;

/// Where credentials come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) reference: Reference,
    pub(super) login: Option<Login>,
    pub(super) files: CredentialFiles,
}

/// How one registry is told who asks.
#[derive(Debug)]
pub(super) struct Auth {
    http: reqwest::Client,
    /// Whether the registry itself is spoken to over plain HTTP; only then tokens may be, too.
    plain: bool,
    source: Source,
    effort: Effort,
    tally: Arc<Tally>,
    known: AtomicBool,
    first: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    scheme: Scheme,
    credential: Option<Option<Credential>>,
    tokens: Vec<Token>,
    last_id: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Scheme {
    #[default]
    Open,
    Basic,
    Bearer {
        realm: Url,
        service: Option<String>,
    },
}

#[derive(Debug)]
struct Token {
    id: u64,
    scopes: Scopes,
    header: HeaderValue,
    until: Instant,
}

/// What one request shows.
#[derive(Debug, Default)]
pub(super) struct Pass {
    /// The value of `Authorization`, marked as sensitive.
    pub(super) header: Option<HeaderValue>,
    id: u64,
    fresh: bool,
}

impl Auth {
    pub(super) fn new(
        http: reqwest::Client,
        plain: bool,
        source: Source,
        effort: Effort,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            http,
            plain,
            source,
            effort,
            tally,
            known: AtomicBool::new(false),
            first: Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// While it is not known what the registry wants, one request goes first and the others wait for what it learns.
    pub(super) async fn first(&self) -> Option<MutexGuard<'_, ()>> {
        if self.known.load(Ordering::Acquire) {
            return None;
        }
        let guard = self.first.lock().await;
        (!self.known.load(Ordering::Acquire)).then_some(guard)
    }

    /// The registry has answered, so what it wants is known.
    pub(super) fn learned(&self) {
        self.known.store(true, Ordering::Release);
    }

    /// What a request with these scopes shows, as far as it is known what the registry wants.
    pub(super) async fn pass(&self, scopes: &Scopes) -> Result<Pass, RegistryError> {
        let mut state = self.state.lock().await;
        match &state.scheme {
            Scheme::Open => Ok(Pass::default()),
            Scheme::Basic => match self.credential(&mut state).await? {
                Some(Credential::Login(login)) => {
                    Ok(Pass { header: Some(basic(&login)?), id: 0, fresh: true })
                }
                _ => Err(RegistryError::NoCredentials),
            },
            Scheme::Bearer { .. } => self.bearer(&mut state, scopes).await,
        }
    }

    /// Reads the challenges of a 401 to what was shown; true where another try has more to show.
    pub(super) async fn renew(
        &self,
        pass: &Pass,
        headers: &HeaderMap,
        scopes: &Scopes,
    ) -> Result<bool, RegistryError> {
        let mut state = self.state.lock().await;
        let challenges: Vec<_> = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .take(8)
            .filter_map(|value| value.to_str().ok())
            .flat_map(Challenge::parse)
            .collect();
        let of = |scheme: &str| challenges.iter().find(|one| one.scheme == scheme);
        if let Some(bearer) = of("bearer") {
            let asked: Scopes = bearer
                .get("scope")
                .unwrap_or_default()
                .split(' ')
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect();
            let more = !asked.is_subset(scopes);
            // What was shown is of no use: neither is it to others.
            state.tokens.retain(|token| token.id != pass.id);
            if pass.fresh && !more {
                return Ok(false);
            }
            state.scheme = self.read_bearer(bearer)?;
            let wanted: Scopes = scopes.union(&asked).take(64).cloned().collect();
            self.bearer(&mut state, &wanted).await?;
            return Ok(true);
        }
        if of("basic").is_some() && pass.header.is_none() {
            state.scheme = Scheme::Basic;
            return match self.credential(&mut state).await? {
                Some(Credential::Login(_)) => Ok(true),
                _ => Err(RegistryError::NoCredentials),
            };
        }
        Ok(false)
    }

    fn read_bearer(&self, challenge: &Challenge) -> Result<Scheme, RegistryError> {
        let realm = challenge.get("realm").and_then(|realm| Url::parse(realm).ok());
        let realm = realm.filter(|realm| realm.has_host()).ok_or_else(|| {
            RegistryError::Protocol("it does not say where tokens are to be had".to_owned())
        })?;
        if realm.scheme() != "https" && !(self.plain && realm.scheme() == "http") {
            return Err(RegistryError::Protocol(
                "its tokens are to be had without TLS, where anybody could read the password".to_owned(),
            ));
        }
        Ok(Scheme::Bearer { realm, service: challenge.get("service").map(str::to_owned) })
    }

    /// A token for these scopes: one that is there, else a new one. Whoever needs the same waits for it.
    async fn bearer(&self, state: &mut State, scopes: &Scopes) -> Result<Pass, RegistryError> {
        let now = Instant::now();
        state.tokens.retain(|token| token.until > now);
        if let Some(token) = state.tokens.iter().find(|token| scopes.is_subset(&token.scopes)) {
            return Ok(Pass { header: Some(token.header.clone()), id: token.id, fresh: false });
        }
        let credential = self.credential(state).await?;
        let Scheme::Bearer { realm, service } = &state.scheme else { return Ok(Pass::default()) };
        let given = match &credential {
            Some(Credential::Token(token)) => token::Given::forever(token.clone()),
            _ => {
                let asker = token::Asker { http: &self.http, effort: &self.effort, tally: &self.tally };
                asker.ask(realm, service.as_deref(), scopes, credential.as_ref()).await?
            }
        };
        let mut header = HeaderValue::from_str(&format!("Bearer {}", given.token.expose()))
            .map_err(|_| RegistryError::Protocol("its token has letters that no token has".to_owned()))?;
        header.set_sensitive(true);
        state.last_id += 1;
        let id = state.last_id;
        if state.tokens.len() >= MAX_TOKENS {
            state.tokens.remove(0);
        }
        state.tokens.push(Token {
            id,
            scopes: scopes.clone(),
            header: header.clone(),
            until: now + given.lasts,
        });
        Ok(Pass { header: Some(header), id, fresh: true })
    }

    async fn credential(&self, state: &mut State) -> Result<Option<Credential>, RegistryError> {
        if let Some(known) = &state.credential {
            return Ok(known.clone());
        }
        let found = match &self.source.login {
            Some(login) => Some(Credential::Login(login.clone())),
            None => self.source.files.find(&self.source.reference).await?,
        };
        state.credential = Some(found.clone());
        Ok(found)
    }
}

/// A login as a header (RFC 7617).
fn basic(login: &Login) -> Result<HeaderValue, RegistryError> {
    let text = STANDARD.encode(format!("{}:{}", login.user, login.secret.expose()));
    let mut header = HeaderValue::from_str(&format!("Basic {text}"))
        .map_err(|_| RegistryError::Protocol("the login cannot be sent".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}
