//! Tokens that this server mints itself, shaped like GitHub's runtime tokens: buildkit looks for `ac`, `exp`
//! and `nbf` before it sends anything.

use std::fmt;
use std::time::Duration;

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, get_current_timestamp,
};
use serde::{Deserialize, Serialize};
use snowbank_actions::scope::Scopes;

use super::grant::CacheGrant;
use super::identity::Identity;
use super::manage::ManageGrant;
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
    /// Rights on binary caches.
    Caches(Vec<CacheGrant>),
    /// Looking after the caches of repositories.
    Manage(Vec<ManageGrant>),
    /// Administration.
    Admin,
}

/// In a few words, for a list of tokens.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job { repository, scopes } => {
                write!(f, "{repository}")?;
                for scope in &scopes.read {
                    let both = scopes.write.as_ref() == Some(scope);
                    write!(f, " {scope}:{}", if both { "rw" } else { "r" })?;
                }
                let unread = scopes.write.iter().find(|scope| !scopes.read.contains(scope));
                unread.map_or(Ok(()), |scope| write!(f, " {scope}:w"))
            }
            Self::Caches(grants) => {
                let grants: Vec<String> = grants.iter().map(CacheGrant::to_string).collect();
                f.write_str(&grants.join(" "))
            }
            Self::Manage(grants) => {
                let grants: Vec<String> = grants.iter().map(|grant| format!("manage {grant}")).collect();
                f.write_str(&grants.join(" "))
            }
            Self::Admin => f.write_str("admin"),
        }
    }
}

/// Whose token is to be minted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bearer<'a> {
    /// This program's own, for a while.
    Passing,
    /// Somebody's whom the catalog lists under this id; it holds until it is revoked there.
    Listed(&'a str),
    /// Somebody's who proved elsewhere that he is this subject.
    Outside(&'a str),
}

/// What a token says that is genuine and in its time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verified {
    /// Whose it is.
    pub(super) identity: Identity,
    /// The id under which the catalog has to list it.
    pub(super) listed: Option<String>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caches: Option<Vec<CacheGrant>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manage: Option<Vec<ManageGrant>>,
    /// Of a token that the catalog lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// Of a token that was given for another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
}

/// Mints and verifies our tokens.
pub struct OwnTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl fmt::Debug for OwnTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnTokens")
    }
}

impl OwnTokens {
    /// Tokens under this secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret) }
    }

    /// A token of this program's own with these rights, valid from now for `valid`. It is on no list and cannot be
    /// revoked, so it is for no longer than what this program does with it.
    pub fn mint(&self, rights: &Rights, valid: Duration) -> Result<String> {
        self.mint_for(Bearer::Passing, rights, valid)
    }

    /// A token of somebody's whom the catalog lists under this id; it counts until it is revoked there.
    pub(crate) fn mint_listed(&self, id: &str, rights: &Rights, valid: Duration) -> Result<String> {
        self.mint_for(Bearer::Listed(id), rights, valid)
    }

    /// A token with these rights, valid from now for `valid`.
    pub(super) fn mint_for(&self, bearer: Bearer<'_>, rights: &Rights, valid: Duration) -> Result<String> {
        let now = get_current_timestamp();
        let mut claims = Claims {
            iss: ISSUER.to_owned(),
            iat: now,
            nbf: now,
            exp: now.saturating_add(valid.as_secs()),
            ac: "[]".to_owned(),
            repository: None,
            admin: false,
            caches: None,
            manage: None,
            jti: None,
            sub: None,
        };
        match rights {
            Rights::Job { repository, scopes } => {
                claims.repository = Some(repository.clone());
                claims.ac = scopes.to_ac();
            }
            Rights::Caches(grants) => claims.caches = Some(grants.clone()),
            Rights::Manage(grants) => claims.manage = Some(grants.clone()),
            Rights::Admin => claims.admin = true,
        }
        match bearer {
            Bearer::Passing => {}
            Bearer::Listed(id) => claims.jti = Some(id.to_owned()),
            Bearer::Outside(subject) => claims.sub = Some(subject.to_owned()),
        }
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| ServiceError::caused(Kind::Internal, "the token could not be signed", error))
    }

    /// Checks signature and time, not whether the token was revoked.
    pub(super) fn verify(&self, token: &str) -> Result<Verified> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss"]);
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.leeway = 5;
        let claims = decode::<Claims>(token, &self.decoding, &validation).map_err(refusal)?.claims;
        let listed = claims.jti.as_ref().map(|id| format!("token:{id}"));
        let subject = listed.or(claims.sub);
        let passing = || "passing".to_owned();
        let identity = match (claims.admin, claims.caches, claims.manage, claims.repository) {
            (true, ..) => Identity::Admin { subject: subject.unwrap_or_else(|| "admin".to_owned()) },
            (false, Some(grants), ..) => {
                Identity::Caches { grants, subject: subject.unwrap_or_else(passing) }
            }
            (false, None, Some(grants), _) => {
                Identity::Manager { grants, subject: subject.unwrap_or_else(passing) }
            }
            (false, None, None, Some(repository)) => {
                Identity::Job { repository, scopes: scopes(&claims.ac)? }
            }
            (false, None, None, None) => {
                return Err(ServiceError::new(Kind::Unauthenticated, "the token names no repository"));
            }
        };
        Ok(Verified { identity, listed: claims.jti })
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
        let identity = Identity::Job { repository: "o/r".into(), scopes };
        assert_eq!(own.verify(&token).unwrap(), Verified { identity, listed: None });
    }

    #[test]
    fn a_token_says_how_its_bearer_is_known() {
        let own = OwnTokens::new(SECRET);
        let grants: Vec<CacheGrant> = vec!["team-*:push".parse().unwrap()];
        let rights = Rights::Caches(grants.clone());
        let read =
            |bearer| own.verify(&own.mint_for(bearer, &rights, Duration::from_secs(60)).unwrap()).unwrap();
        let identity = |subject: &str| Identity::Caches { grants: grants.clone(), subject: subject.into() };
        let listed = Verified { identity: identity("token:ab12"), listed: Some("ab12".into()) };
        assert_eq!(read(Bearer::Listed("ab12")), listed);
        let outside = Verified { identity: identity("oidc:i#s"), listed: None };
        assert_eq!(read(Bearer::Outside("oidc:i#s")), outside);
        let manage: Vec<ManageGrant> = vec!["acme/*:write".parse().unwrap()];
        let token = own.mint(&Rights::Manage(manage.clone()), Duration::from_secs(60)).unwrap();
        let manager = Identity::Manager { grants: manage, subject: "passing".into() };
        assert_eq!(own.verify(&token).unwrap(), Verified { identity: manager, listed: None });
        let admin = own.verify(&own.mint(&Rights::Admin, Duration::from_secs(60)).unwrap()).unwrap();
        assert_eq!(admin, Verified { identity: Identity::Admin { subject: "admin".into() }, listed: None });
    }

    #[test]
    fn rights_are_told_in_a_few_words() {
        let grants: Vec<_> = ["refs/heads/a:rw", "refs/heads/main:r"].map(|g| g.parse().unwrap()).into();
        let job = Rights::Job { repository: "o/r".into(), scopes: Scopes::from_grants(&grants) };
        assert_eq!(job.to_string(), "o/r refs/heads/a:rw refs/heads/main:r");
        let caches = ["a-*:pull,push", "b:pin"].map(|grant| grant.parse().unwrap());
        assert_eq!(Rights::Caches(caches.into()).to_string(), "a-*:pull,push b:pin");
        let manage = ["acme/*:read", "acme/app:write"].map(|grant| grant.parse().unwrap());
        assert_eq!(Rights::Manage(manage.into()).to_string(), "manage acme/*:read manage acme/app:write");
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
