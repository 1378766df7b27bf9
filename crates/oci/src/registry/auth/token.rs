//! Tokens, and the services that give them (Docker's token and OAuth2 token authentication).

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use tokio::time::{sleep, timeout};
use url::{Url, form_urlencoded};

use super::{Scopes, basic};
use crate::registry::answer::{Refusal, whole};
use crate::registry::counts::Tally;
use crate::registry::credentials::Credential;
use crate::registry::error::RegistryError;
use crate::registry::retry::Effort;
use crate::registry::secret::Secret;

/// Bytes of an answer at the most.
const MAX_ANSWER: u64 = 1 << 20;

/// How long a token lasts that does not say so (Docker's token authentication specification).
const USUAL: u64 = 60;

/// The longest that one is relied on.
const LONGEST: u64 = 24 * 3600;

/// Who we are to services that want to know it.
const CLIENT: &str = "snowbank";

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// A token and how long it is relied on from now.
pub(super) struct Given {
    pub(super) token: Secret,
    pub(super) lasts: Duration,
}

impl Given {
    pub(super) fn forever(token: Secret) -> Self {
        Self { token, lasts: Duration::from_secs(LONGEST) }
    }

    /// Reads what a service answered.
    fn parse(body: &[u8]) -> Result<Self, RegistryError> {
        let broken = || RegistryError::Protocol("what should give a token gives none".to_owned());
        let answer: Answer = serde_json::from_slice(body).map_err(|_| broken())?;
        let token = answer.token.filter(|token| !token.is_empty()).or(answer.access_token);
        let token = token.filter(|token| !token.is_empty()).ok_or_else(broken)?;
        let seconds = answer.expires_in.unwrap_or(USUAL).min(LONGEST);
        // It was made a while ago, and a request that begins now arrives later.
        let lasts = seconds.saturating_sub(10).max(seconds / 2);
        Ok(Self { token: Secret::new(token), lasts: Duration::from_secs(lasts) })
    }
}

/// Who asks for tokens.
pub(super) struct Asker<'a> {
    pub(super) http: &'a Client,
    pub(super) effort: &'a Effort,
    pub(super) tally: &'a Tally,
}

impl Asker<'_> {
    /// A token for `scopes`.
    pub(super) async fn ask(
        &self,
        realm: &Url,
        service: Option<&str>,
        scopes: &Scopes,
        credential: Option<&Credential>,
    ) -> Result<Given, RegistryError> {
        let mut failed = 0;
        loop {
            let request = match credential {
                Some(Credential::Identity(token)) => self.refresh(realm, service, scopes, token),
                Some(Credential::Login(login)) => {
                    self.plain(realm, service, scopes).header(AUTHORIZATION, basic(login)?)
                }
                Some(Credential::Token(_)) | None => self.plain(realm, service, scopes),
            };
            match self.once(request).await {
                Ok(given) => return Ok(given),
                Err(error) => {
                    failed += 1;
                    if !error.is_transient() || failed >= self.effort.tries {
                        return Err(RegistryError::Token(Box::new(error)));
                    }
                    sleep(self.effort.wait(failed, error.asked_wait())).await;
                }
            }
        }
    }

    fn plain(&self, realm: &Url, service: Option<&str>, scopes: &Scopes) -> RequestBuilder {
        let mut url = realm.clone();
        {
            let mut pairs = url.query_pairs_mut();
            if let Some(service) = service {
                pairs.append_pair("service", service);
            }
            for scope in scopes {
                pairs.append_pair("scope", scope);
            }
        }
        self.http.get(url)
    }

    fn refresh(&self, realm: &Url, service: Option<&str>, scopes: &Scopes, token: &Secret) -> RequestBuilder {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token.expose());
        form.append_pair("client_id", CLIENT).append_pair("service", service.unwrap_or_default());
        let all: Vec<_> = scopes.iter().map(String::as_str).collect();
        form.append_pair("scope", &all.join(" "));
        let request = self.http.post(realm.clone());
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
    }

    async fn once(&self, request: RequestBuilder) -> Result<Given, RegistryError> {
        let idle = self.effort.idle;
        self.tally.token();
        let answer = timeout(idle, request.send()).await.map_err(|_| RegistryError::Stalled(idle))?;
        let answer = answer.map_err(RegistryError::http)?;
        if !answer.status().is_success() {
            return Err(RegistryError::Refused(Refusal::of(answer, idle).await));
        }
        Given::parse(&whole(answer, MAX_ANSWER, idle).await?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn either_name_and_either_lifetime_is_read() {
        let given = Given::parse(br#"{"access_token": "a", "token": "", "expires_in": 300}"#).unwrap();
        assert_eq!((given.token.expose(), given.lasts.as_secs()), ("a", 290));
        assert_eq!(Given::parse(br#"{"token": "a"}"#).unwrap().lasts.as_secs(), 50);
        assert_eq!(Given::parse(br#"{"token": "a", "expires_in": 4}"#).unwrap().lasts.as_secs(), 2);
        assert!(Given::parse(br#"{"token": ""}"#).is_err());
    }

    proptest! {
        #[test]
        fn no_answer_panics(body in any::<Vec<u8>>(), expires_in in any::<u64>()) {
            let _ = Given::parse(&body);
            let given = Given::parse(serde_json::json!({"token": "x", "expires_in": expires_in}).to_string().as_bytes());
            prop_assert!(given.unwrap().lasts.as_secs() <= LONGEST);
        }
    }
}
