//! Identity tokens of other issuers (OpenID Connect Core 1.0, section 2), which a job exchanges for a token of ours: so
//! no secret of ours lies in a repository.

mod claims;
mod issuer;
mod rules;

use std::time::Duration;

use jsonwebtoken::dangerous::insecure_decode_claims;

use self::claims::Claims;
use self::issuer::Issuer;
use super::own::{Bearer, Rights};
use super::{Authenticator, MAX_TOKEN, grant::CacheGrant};
use crate::service::error::{Kind, Result, ServiceError};
use crate::settings::{MAX_OIDC_TOKEN, Oidc};

/// The issuers whose identity tokens are worth something here.
#[derive(Debug)]
pub struct OidcIssuers(Vec<Issuer>);

/// Who somebody proved to be, and what the rules give him.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    /// `oidc:<issuer>#<sub>`.
    pub(crate) subject: String,
    /// His rights.
    pub(crate) grants: Vec<CacheGrant>,
}

impl OidcIssuers {
    /// These issuers; their keys are fetched when the first token comes.
    #[must_use]
    pub fn new(settings: &[Oidc]) -> Self {
        Self(settings.iter().map(Issuer::new).collect())
    }

    /// Verifies an identity token and finds out what it is worth.
    pub(crate) async fn prove(&self, token: &str) -> Result<Proven> {
        let refused = |why: &str| Err(ServiceError::new(Kind::Unauthenticated, why));
        if token.is_empty() {
            return refused("the request carries no token");
        }
        if token.len() > MAX_TOKEN {
            return refused("the token is longer than any token is");
        }
        let Ok(unproven) = insecure_decode_claims::<Claims>(token) else {
            return refused("the token is not a JSON web token");
        };
        let named = unproven.text("iss").unwrap_or_default();
        let Some(issuer) = self.0.iter().find(|issuer| issuer.name() == named.trim_end_matches('/')) else {
            return refused("the token is of an issuer unknown to this server (the setting oidc lists them)");
        };
        let claims = issuer.verify(token).await?;
        Ok(Proven { subject: issuer.subject(&claims)?, grants: rules::grants(issuer, &claims)? })
    }
}

impl Authenticator {
    /// A token of ours for somebody who proved who he is: for minutes, as it is on no list and cannot be revoked.
    pub(crate) fn mint_for_proven(&self, proven: Proven, valid: Duration) -> Result<(String, Duration)> {
        let valid = valid.min(MAX_OIDC_TOKEN);
        let Proven { subject, grants } = proven;
        let token = self.own().mint_for(Bearer::Outside(&subject), &Rights::Caches(grants), valid)?;
        Ok((token, valid))
    }
}
