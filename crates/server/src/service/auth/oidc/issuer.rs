//! One issuer: whether a token is its, for us, and in its time.

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, get_current_timestamp};

use super::claims::Claims;
use crate::service::auth::issuer_keys::IssuerKeys;
use crate::service::auth::own::refusal;
use crate::service::error::{Kind, Result, ServiceError};
use crate::settings::{Oidc, OidcRule};

/// How far clocks may be apart, in seconds.
const LEEWAY: u64 = 30;
/// Bytes of the longest subject; the specification allows 255.
const MAX_SUBJECT: usize = 1000;

/// An issuer of identity tokens.
#[derive(Debug)]
pub(super) struct Issuer {
    name: String,
    /// The `iss` claim, with or without a slash at its end.
    spellings: [String; 2],
    audience: String,
    rules: Vec<OidcRule>,
    keys: IssuerKeys,
}

impl Issuer {
    pub(super) fn new(settings: &Oidc) -> Self {
        let name = settings.issuer().to_owned();
        Self {
            keys: IssuerKeys::told_by(&name),
            spellings: [name.clone(), format!("{name}/")],
            name,
            audience: settings.audience.clone(),
            rules: settings.rules.clone(),
        }
    }

    /// Its URL without a slash at its end.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What its tokens are worth.
    pub(super) fn rules(&self) -> &[OidcRule] {
        &self.rules
    }

    /// The claims of a token, if it is this issuer's.
    pub(super) async fn verify(&self, token: &str) -> Result<Claims> {
        let header = decode_header(token).map_err(|error| {
            let why = "the token's header cannot be read, or names an algorithm that is not accepted";
            ServiceError::caused(Kind::Unauthenticated, why, error)
        })?;
        // The key says what it is for: a public key must not be taken for a shared secret.
        let key = self.keys.find(&header.kid.unwrap_or_default()).await?;
        let mut validation = Validation::new(algorithm(&key)?);
        validation.set_issuer(&self.spellings);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        let key = DecodingKey::from_jwk(&key).map_err(refusal)?;
        let claims = decode::<Claims>(token, &key, &validation).map_err(|error| self.refusal(error))?.claims;
        match claims.number("iat") {
            Some(made) if made <= get_current_timestamp().saturating_add(LEEWAY) => Ok(claims),
            Some(_) => Err(refused("the token was made in the future (iat)")),
            None => Err(refused("the token lacks the claim iat")),
        }
    }

    /// `oidc:<issuer>#<sub>`.
    pub(super) fn subject(&self, claims: &Claims) -> Result<String> {
        match claims.text("sub") {
            Some(sub) if sub.len() <= MAX_SUBJECT => Ok(format!("oidc:{}#{sub}", self.name)),
            Some(_) => Err(refused("the token's subject is longer than any subject is (sub)")),
            None => Err(refused("the token lacks the claim sub")),
        }
    }

    fn refusal(&self, error: Error) -> ServiceError {
        let why = match error.kind() {
            ErrorKind::InvalidAudience => {
                format!("the token is for another audience (aud) than `{}`", self.audience)
            }
            ErrorKind::InvalidIssuer => "the token is of another issuer (iss)".to_owned(),
            ErrorKind::MissingRequiredClaim(claim) => format!("the token lacks the claim {claim}"),
            _ => return refusal(error),
        };
        ServiceError::caused(Kind::Unauthenticated, why, error)
    }
}

fn refused(why: &str) -> ServiceError {
    ServiceError::new(Kind::Unauthenticated, why)
}

fn algorithm(key: &Jwk) -> Result<Algorithm> {
    match &key.algorithm {
        AlgorithmParameters::RSA(_) => Ok(Algorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            Ok(Algorithm::ES256)
        }
        _ => Err(refused("the token's key is of a kind not accepted")),
    }
}
