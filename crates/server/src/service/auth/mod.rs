//! Who is calling: the repository and the scopes come from the token, never from the path.

mod github;
mod issuer_keys;
mod own;

use std::net::IpAddr;

use jsonwebtoken::dangerous::insecure_decode_claims;
use serde::Deserialize;
use snowbank_actions::scope::Scopes;

use super::error::{Kind, Result, ServiceError};
use crate::settings::Auth;

pub use github::GithubIssuer;
pub use own::{OwnTokens, Rights};

/// The repository that every caller belongs to in trust mode.
const TRUSTED_REPOSITORY: &str = "local/local";
/// The scope of a caller in trust mode whose token names none.
const TRUSTED_SCOPE: &str = "refs/heads/main";
/// No client's token comes near this many bytes.
const MAX_TOKEN: usize = 16 << 10;

/// What a valid token says of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A job of this repository, with what it may read and write.
    Job {
        /// `owner/name`.
        repository: String,
        /// What it may read and write.
        scopes: Scopes,
    },
    /// Somebody who administers this server.
    Admin,
}

/// How a request reached the server, as far as trust mode cares.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The address of the other end of the connection.
    pub peer: IpAddr,
    /// The `Host` header. A page in somebody's browser can reach a loopback listener, but only under its own name.
    pub host: Option<&'a str>,
}

/// Verifies tokens.
#[derive(Debug)]
pub struct Authenticator {
    own: OwnTokens,
    github: GithubIssuer,
    trust_loopback: bool,
}

#[derive(Deserialize)]
struct Issuer {
    iss: Option<String>,
}

impl Authenticator {
    /// An authenticator for tokens of `own` and of those that the settings name.
    #[must_use]
    pub fn new(own: OwnTokens, settings: &Auth) -> Self {
        Self { own, github: GithubIssuer::new(&settings.github), trust_loopback: settings.trust_loopback }
    }

    /// The keys that mint and verify tokens of this server.
    #[must_use]
    pub fn own(&self) -> &OwnTokens {
        &self.own
    }

    /// Verifies a bearer token.
    pub async fn identify(&self, token: Option<&str>, origin: Origin<'_>) -> Result<Identity> {
        let token = token.unwrap_or_default();
        if token.len() > MAX_TOKEN {
            return Err(ServiceError::new(Kind::Unauthenticated, "the token is longer than any token is"));
        }
        let issuer = insecure_decode_claims::<Issuer>(token).ok().and_then(|claims| claims.iss);
        match issuer {
            Some(issuer) if issuer == own::ISSUER => self.own.verify(token),
            Some(issuer) if issuer == self.github.issuer() => self.github.verify(token).await,
            _ if self.trusts(origin) => Ok(trusted(token)),
            Some(_) => Err(ServiceError::new(
                Kind::Unauthenticated,
                "the token is of an issuer unknown to this server",
            )),
            None if token.is_empty() => {
                Err(ServiceError::new(Kind::Unauthenticated, "the request carries no token"))
            }
            None => Err(ServiceError::new(Kind::Unauthenticated, "the token is not a JSON web token")),
        }
    }

    fn trusts(&self, origin: Origin<'_>) -> bool {
        self.trust_loopback
            && origin.peer.to_canonical().is_loopback()
            && origin.host.is_some_and(is_loopback_host)
    }
}

fn is_loopback_host(host: &str) -> bool {
    let Ok(url) = url::Url::parse(&format!("http://{host}/")) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// In trust mode a token may still choose its scopes, so that branches can be tried out.
fn trusted(token: &str) -> Identity {
    #[derive(Deserialize)]
    struct Claims {
        ac: String,
    }
    let scopes = insecure_decode_claims::<Claims>(token)
        .ok()
        .and_then(|claims| Scopes::from_ac(&claims.ac).ok())
        .unwrap_or_else(|| Scopes::read_write(TRUSTED_SCOPE));
    Identity::Job { repository: TRUSTED_REPOSITORY.to_owned(), scopes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts_are_trusted() {
        for host in ["127.0.0.1:8484", "localhost", "[::1]:80", "127.9.9.9"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["example.org", "127.0.0.1.example.org", "localhost.example.org", "10.0.0.1", "", "a b"] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[tokio::test]
    async fn trust_needs_the_flag_the_peer_and_the_host() {
        let origin = |peer: &str, host| Origin { peer: peer.parse().unwrap(), host };
        let with = |trust_loopback| {
            Authenticator::new(OwnTokens::new(&[7; 32]), &Auth { trust_loopback, ..Auth::default() })
        };
        let trusting = with(true);
        let here = origin("127.0.0.1", Some("localhost:1"));
        assert!(trusting.identify(Some("any.text"), here).await.is_ok());
        assert!(trusting.identify(None, origin("127.0.0.1", Some("evil.example"))).await.is_err());
        assert!(trusting.identify(None, origin("10.0.0.1", Some("localhost"))).await.is_err());
        assert!(trusting.identify(None, origin("127.0.0.1", None)).await.is_err());
        assert!(with(false).identify(Some("any.text"), here).await.is_err());
    }
}
