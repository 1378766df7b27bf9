//! Who is calling: the repository and the scopes come from the token, never from the path.

mod forgejo;
mod github;
mod grant;
mod identity;
mod issuer_keys;
mod manage;
mod oidc;
mod own;
mod pattern;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use jsonwebtoken::dangerous::insecure_decode_claims;
use serde::Deserialize;
use snowbank_actions::scope::Scopes;
use snowbank_catalog::Catalog;
use snowbank_catalog::rooms::TokenState;

use super::error::{Kind, Result, ServiceError};
use crate::settings::Auth;
use forgejo::ForgejoRunners;
use own::Verified;

pub use forgejo::SignedRun;
pub use github::GithubIssuer;
pub use grant::{CacheGrant, CacheGrantError, Grant};
pub use identity::Identity;
pub use manage::{ManageGrant, ManageGrantError, ManageRight};
pub use oidc::OidcIssuers;
pub use own::{OwnTokens, Rights};

/// The scope of a caller in trust mode whose token names none.
const TRUSTED_SCOPE: &str = "refs/heads/main";
/// No client's token comes near this many bytes.
pub(crate) const MAX_TOKEN: usize = 16 << 10;

/// How a request reached the server, as far as trust mode cares.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The address of the other end of the connection.
    pub peer: IpAddr,
    /// The `Host` header. A page in somebody's browser can reach a loopback listener, but only under its own name.
    pub host: Option<&'a str>,
    /// What a Forgejo runner says of the job that it passes on.
    pub run: Option<&'a SignedRun>,
}

/// Verifies tokens.
pub struct Authenticator {
    own: OwnTokens,
    github: GithubIssuer,
    forgejo: Option<ForgejoRunners>,
    trust_loopback: bool,
    /// Knows which of our tokens were revoked.
    catalog: Arc<dyn Catalog>,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator")
    }
}

#[derive(Deserialize)]
struct Issuer {
    iss: Option<String>,
}

impl Authenticator {
    /// An authenticator for tokens of `own`, of which the catalog lists some, and of those that the settings name.
    #[must_use]
    pub fn new(own: OwnTokens, settings: &Auth, catalog: Arc<dyn Catalog>) -> Self {
        let (github, trust_loopback) = (GithubIssuer::new(&settings.github), settings.trust_loopback);
        let forgejo = ForgejoRunners::new(&settings.forgejo);
        Self { own, github, forgejo, trust_loopback, catalog }
    }

    /// The keys that mint and verify tokens of this server.
    #[must_use]
    pub fn own(&self) -> &OwnTokens {
        &self.own
    }

    /// Verifies a bearer token. What a Forgejo runner signed comes first: the token beside it is Forgejo's and says nothing here.
    pub async fn identify(&self, token: Option<&str>, origin: Origin<'_>) -> Result<Identity> {
        if let (Some(runners), Some(run)) = (&self.forgejo, origin.run) {
            return runners.verify(run);
        }
        let token = token.unwrap_or_default();
        if token.len() > MAX_TOKEN {
            return Err(ServiceError::new(Kind::Unauthenticated, "the token is longer than any token is"));
        }
        let issuer = insecure_decode_claims::<Issuer>(token).ok().and_then(|claims| claims.iss);
        match issuer {
            Some(issuer) if issuer == own::ISSUER => self.verify_own(token).await,
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

    /// As [`Self::identify`]; nobody where there is no token and the caller is not believed without one.
    pub async fn identify_anybody(
        &self,
        token: Option<&str>,
        origin: Origin<'_>,
    ) -> Result<Option<Identity>> {
        let vouched = self.forgejo.is_some() && origin.run.is_some();
        if token.is_none_or(str::is_empty) && !vouched && !self.trusts(origin) {
            return Ok(None);
        }
        self.identify(token, origin).await.map(Some)
    }

    /// Verifies a token of our own, and no other.
    pub(crate) async fn identify_own(&self, token: &str) -> Result<Identity> {
        if token.len() > MAX_TOKEN {
            return Err(ServiceError::new(Kind::Unauthenticated, "the token is longer than any token is"));
        }
        self.verify_own(token).await
    }

    /// The catalog is asked every time, so that a revocation holds at once.
    async fn verify_own(&self, token: &str) -> Result<Identity> {
        let Verified { identity, listed } = self.own.verify(token)?;
        let Some(id) = listed else { return Ok(identity) };
        let refused = match self.catalog.token_state(&id).await? {
            Some(TokenState::Valid) => return Ok(identity),
            Some(TokenState::Revoked) => "the token was revoked",
            None => "the token is not on this server's list",
        };
        Err(ServiceError::new(Kind::Unauthenticated, refused))
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
    Identity::Trusted { scopes }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use snowbank_catalog::SqliteCatalog;

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
        let origin = |peer: &str, host| Origin { peer: peer.parse().unwrap(), host, run: None };
        let catalog = Arc::new(SqliteCatalog::in_memory().await.unwrap());
        let with = |trust_loopback| {
            let settings = Auth { trust_loopback, ..Auth::default() };
            Authenticator::new(OwnTokens::new(&[7; 32]), &settings, Arc::clone(&catalog) as _)
        };
        let trusting = with(true);
        let here = origin("127.0.0.1", Some("localhost:1"));
        assert!(trusting.identify(Some("any.text"), here).await.is_ok());
        assert!(trusting.identify(None, origin("127.0.0.1", Some("evil.example"))).await.is_err());
        assert!(trusting.identify(None, origin("10.0.0.1", Some("localhost"))).await.is_err());
        assert!(trusting.identify(None, origin("127.0.0.1", None)).await.is_err());
        assert!(with(false).identify(Some("any.text"), here).await.is_err());
        assert_eq!(with(false).identify_anybody(None, here).await.unwrap(), None);
        assert!(with(true).identify_anybody(None, here).await.unwrap().is_some());
        assert!(with(false).identify_anybody(Some("any.text"), here).await.is_err());
    }

    /// Its signature holds, as another server's with the same secret would.
    #[tokio::test]
    async fn a_listed_token_that_is_on_no_list_is_refused() {
        let catalog = Arc::new(SqliteCatalog::in_memory().await.unwrap());
        let own = OwnTokens::new(&[7; 32]);
        let token = own.mint_listed("ab12", &Rights::Admin, Duration::from_secs(60)).unwrap();
        let authenticator = Authenticator::new(own, &Auth::default(), catalog);
        let somewhere = Origin { peer: "10.0.0.1".parse().unwrap(), host: None, run: None };
        let error = authenticator.identify(Some(&token), somewhere).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthenticated);
        assert_eq!(error.to_string(), "the token is not on this server's list");
    }
}
