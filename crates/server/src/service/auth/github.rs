//! GitHub's own runtime tokens, verified against the issuer's published keys and a list of who is let in.

use jsonwebtoken::jwk::AlgorithmParameters;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::Identity;
use super::issuer_keys::IssuerKeys;
use super::own::{refusal, scopes};
use crate::service::error::{Kind, Result, ServiceError};
use crate::settings::Github;

/// The claims of a runtime token that count. GitHub puts the repository's number in all of them, its name in some.
#[derive(Deserialize)]
struct Claims {
    ac: String,
    repository_id: Option<String>,
    repository: Option<String>,
}

/// An issuer of runtime tokens.
#[derive(Debug)]
pub struct GithubIssuer {
    issuer: String,
    allow: Vec<String>,
    keys: IssuerKeys,
}

impl GithubIssuer {
    /// An issuer; its keys are fetched when the first token comes.
    #[must_use]
    pub fn new(settings: &Github) -> Self {
        let issuer = settings.issuer.trim_end_matches('/').to_owned();
        let keys = IssuerKeys::at(format!("{issuer}/.well-known/jwks"));
        Self { issuer, allow: settings.allow.clone(), keys }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) async fn verify(&self, token: &str) -> Result<Identity> {
        let header = decode_header(token).map_err(refusal)?;
        let name = header.kid.unwrap_or_default();
        let key = self.keys.find(&name).await?;
        let algorithm = match key.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(_) => Algorithm::ES256,
            _ => {
                return Err(ServiceError::new(
                    Kind::Unauthenticated,
                    "the token's key is of a kind not accepted",
                ));
            }
        };
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss"]);
        validation.validate_nbf = true;
        validation.validate_aud = false;
        let key = DecodingKey::from_jwk(&key).map_err(refusal)?;
        let claims = decode::<Claims>(token, &key, &validation).map_err(refusal)?.claims;
        let repository = self.admit(&claims)?;
        Ok(Identity::Job { repository, scopes: scopes(&claims.ac)? })
    }

    /// The repository's name, if the list lets it in. A number without a name becomes `id/<number>`.
    fn admit(&self, claims: &Claims) -> Result<String> {
        let id = claims.repository_id.as_deref().unwrap_or_default();
        let name = claims.repository.as_deref().unwrap_or_default();
        let owner = name.split_once('/').map_or("", |(owner, _)| owner);
        for allowed in &self.allow {
            let (number, named) = allowed.split_once('=').unwrap_or((allowed, ""));
            if !id.is_empty() && number == id {
                let name = [named, name].into_iter().find(|name| !name.is_empty());
                return Ok(name.map_or_else(|| format!("id/{id}"), str::to_owned));
            }
            let all_of_owner = allowed.strip_suffix("/*").is_some_and(|o| o.eq_ignore_ascii_case(owner));
            if !name.is_empty() && (allowed.eq_ignore_ascii_case(name) || all_of_owner) {
                return Ok(name.to_owned());
            }
        }
        Err(ServiceError::new(
            Kind::PermissionDenied,
            "the token is genuine, but its repository is not on this server's list (auth.github.allow)",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(allow: &[&str], id: Option<&str>, name: Option<&str>) -> Option<String> {
        let allow = allow.iter().map(|&a| a.to_owned()).collect();
        let issuer = GithubIssuer::new(&Github { allow, ..Github::default() });
        let claims = Claims {
            ac: String::new(),
            repository_id: id.map(str::to_owned),
            repository: name.map(str::to_owned),
        };
        issuer.admit(&claims).ok()
    }

    #[test]
    fn nobody_is_let_in_by_default() {
        assert_eq!(admit(&[], Some("1"), Some("acme/app")), None);
    }

    #[test]
    fn numbers_names_and_owners_let_in() {
        assert_eq!(admit(&["17"], Some("17"), None).as_deref(), Some("id/17"));
        assert_eq!(admit(&["17=acme/app"], Some("17"), None).as_deref(), Some("acme/app"));
        assert_eq!(admit(&["Acme/App"], Some("3"), Some("acme/app")).as_deref(), Some("acme/app"));
        assert_eq!(admit(&["acme/*"], None, Some("acme/app")).as_deref(), Some("acme/app"));
    }

    #[test]
    fn near_misses_stay_out() {
        assert_eq!(admit(&["17"], Some("171"), Some("acme/17")), None);
        assert_eq!(admit(&["acme/*"], None, Some("acme2/app")), None);
        assert_eq!(admit(&["/*"], None, None), None);
        assert_eq!(admit(&[""], Some(""), Some("")), None);
    }
}
