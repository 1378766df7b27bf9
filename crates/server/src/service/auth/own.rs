//! Tokens that this server mints itself, shaped like GitHub's runtime tokens: buildkit looks for `ac`, `exp`
//! and `nbf` before it sends anything.

use std::time::Duration;

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, get_current_timestamp,
};
use serde::{Deserialize, Serialize};
use snowbank_actions::scope::Scopes;

use super::Identity;
use crate::service::error::{Kind, Result, ServiceError};

/// The `iss` claim of our tokens.
pub(super) const ISSUER: &str = "snowbank";

/// What a token that is to be minted allows.
#[derive(Clone, Debug)]
pub enum Rights {
    /// A job of this repository (`owner/name`) with these scopes.
    Job {
        /// `owner/name`.
        repository: String,
        /// What it may read and write.
        scopes: Scopes,
    },
    /// Administration.
    Admin,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    ac: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(default)]
    admin: bool,
}

/// Mints and verifies our tokens.
pub struct OwnTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl std::fmt::Debug for OwnTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnTokens")
    }
}

impl OwnTokens {
    /// Tokens under this secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret) }
    }

    /// A token with these rights, valid from now for `valid`.
    pub fn mint(&self, rights: &Rights, valid: Duration) -> Result<String> {
        let now = get_current_timestamp();
        let (repository, ac, admin) = match rights {
            Rights::Job { repository, scopes } => (Some(repository.clone()), scopes.to_ac(), false),
            Rights::Admin => (None, "[]".to_owned(), true),
        };
        let exp = now.saturating_add(valid.as_secs());
        let claims = Claims { iss: ISSUER.to_owned(), iat: now, nbf: now, exp, ac, repository, admin };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| ServiceError::caused(Kind::Internal, "the token could not be signed", error))
    }

    pub(super) fn verify(&self, token: &str) -> Result<Identity> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss"]);
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.leeway = 5;
        let claims = decode::<Claims>(token, &self.decoding, &validation).map_err(refusal)?.claims;
        match (claims.admin, claims.repository) {
            (true, _) => Ok(Identity::Admin),
            (false, Some(repository)) => Ok(Identity::Job { repository, scopes: scopes(&claims.ac)? }),
            (false, None) => Err(ServiceError::new(Kind::Unauthenticated, "the token names no repository")),
        }
    }
}

/// Reads the `ac` claim.
pub(super) fn scopes(ac: &str) -> Result<Scopes> {
    Scopes::from_ac(ac).map_err(|error| {
        ServiceError::caused(Kind::Unauthenticated, "the token's scopes cannot be read", error)
    })
}

/// Says why a token is refused, without a word of its content.
pub(super) fn refusal(error: jsonwebtoken::errors::Error) -> ServiceError {
    use jsonwebtoken::errors::ErrorKind;
    let message = match error.kind() {
        ErrorKind::ExpiredSignature => "the token has expired",
        ErrorKind::ImmatureSignature => "the token is not valid yet",
        ErrorKind::InvalidSignature => "the token's signature is wrong",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
            "the token's algorithm is not accepted"
        }
        _ => "the token is not valid",
    };
    ServiceError::caused(Kind::Unauthenticated, message, error)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::*;

    const SECRET: &[u8] = b"a secret of thirty-two bytes....";

    fn token(algorithm: Algorithm, nbf: i64, exp: i64) -> String {
        let now = i64::try_from(get_current_timestamp()).unwrap();
        let claims = serde_json::json!({
            "iss": ISSUER, "nbf": now + nbf, "exp": now + exp, "iat": now, "repository": "o/r",
            "ac": r#"[{"Scope":"refs/heads/main","Permission":3}]"#,
        });
        encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    fn refused(token: &str) -> String {
        let error = OwnTokens::new(SECRET).verify(token).unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthenticated);
        error.to_string()
    }

    #[test]
    fn a_minted_token_says_who_it_was_minted_for() {
        let own = OwnTokens::new(SECRET);
        let scopes = Scopes::read_write("refs/heads/main");
        let rights = Rights::Job { repository: "o/r".into(), scopes: scopes.clone() };
        let token = own.mint(&rights, Duration::from_secs(60)).unwrap();
        assert_eq!(own.verify(&token).unwrap(), Identity::Job { repository: "o/r".into(), scopes });
        let admin = own.mint(&Rights::Admin, Duration::from_secs(60)).unwrap();
        assert_eq!(own.verify(&admin).unwrap(), Identity::Admin);
    }

    #[test]
    fn tokens_out_of_their_time_are_refused() {
        assert_eq!(refused(&token(Algorithm::HS256, -100, -50)), "the token has expired");
        assert_eq!(refused(&token(Algorithm::HS256, 100, 200)), "the token is not valid yet");
        assert!(OwnTokens::new(SECRET).verify(&token(Algorithm::HS256, -1, 100)).is_ok());
    }

    #[test]
    fn another_algorithm_is_refused_even_with_the_right_secret() {
        assert_eq!(refused(&token(Algorithm::HS512, -1, 100)), "the token's algorithm is not accepted");
    }

    #[test]
    fn a_token_without_a_signature_is_refused() {
        let good = token(Algorithm::HS256, -1, 100);
        let claims = good.split('.').nth(1).unwrap();
        let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        refused(&format!("{header}.{claims}."));
        refused(&format!("{}.{claims}.", good.split('.').next().unwrap()));
    }

    #[test]
    fn a_token_of_another_server_is_refused() {
        let other =
            OwnTokens::new(b"another secret of the same size.").mint(&Rights::Admin, Duration::from_secs(60));
        assert_eq!(refused(&other.unwrap()), "the token's signature is wrong");
    }
}
