//! How a request reached the server, and who sent it.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use snowbank_actions::messages::v1;
use snowbank_catalog::rooms::Pusher;
use url::Url;

use super::connection::Ends;
use super::told::Told;
use crate::service::{
    CacheView, Caller, Identity, ManageRight, Onlooker, Origin, Outcome, Protocol, Result, Service,
    SignedRun, Visitor,
};

/// What a request says of the way it came.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    ends: Option<Ends>,
    host: Option<String>,
    token: Option<String>,
    run: Option<SignedRun>,
    told: Option<Told>,
}

impl Site {
    /// The job that the token names.
    pub(super) async fn caller(&self, service: &Service) -> Result<Caller> {
        let caller = service.authenticate(self.token.as_deref(), self.origin()).await?;
        self.about(&caller.repository.name);
        Ok(caller)
    }

    /// The same request with this token in the place of what it carries.
    pub(crate) fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// The host that it was sent to, as it says itself.
    pub(crate) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The token itself, for those that are exchanged.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Who the token belongs to; nobody where there is none.
    pub(crate) async fn identity(&self, service: &Service) -> Result<Option<Identity>> {
        service.identify(self.token.as_deref(), self.origin()).await
    }

    /// A binary cache, as whoever sent the request sees it.
    pub(crate) async fn cache(&self, service: &Service, name: &str) -> Result<CacheView> {
        let view = service.cache_view(self.token.as_deref(), self.origin(), name).await?;
        self.about(name);
        Ok(view)
    }

    /// Who the administrator is that the token belongs to.
    pub(super) async fn admin(&self, service: &Service) -> Result<String> {
        service.authenticate_admin(self.token.as_deref(), self.origin()).await
    }

    /// What the bearer of the token may be told of, of a repository if one is named.
    pub(super) async fn onlooker(&self, service: &Service, repository: Option<&str>) -> Result<Onlooker> {
        service.onlooker(self.token.as_deref(), self.origin(), repository).await
    }

    /// Whom an image push is noted for.
    pub(super) async fn image_pusher(&self, service: &Service, cache: Option<&str>) -> Result<Pusher> {
        service.image_pusher(self.token.as_deref(), self.origin(), cache).await
    }

    /// Who the token belongs to, for a repository.
    pub(crate) async fn visitor(&self, service: &Service, repository: &str) -> Result<Visitor> {
        let visitor = service.visitor(self.token.as_deref(), self.origin(), repository).await?;
        self.about(repository);
        Ok(visitor)
    }

    /// What a lookup of this request came to. Counts once, for the repository or cache that the token was let in to.
    pub(super) fn looked_up(&self, service: &Service, outcome: Outcome) {
        if let Some(told) = &self.told
            && let Some(name) = told.name()
        {
            told.note_outcome(outcome);
            service.metrics().lookup(name, told.route().protocol, outcome);
        }
    }

    /// What the lookups of many store paths came to that were one request.
    pub(super) fn paths_looked_up(&self, service: &Service, found: u64, missed: u64) {
        let Some(name) = self.told.as_ref().and_then(Told::name) else { return };
        for (outcome, number) in [(Outcome::Hit, found), (Outcome::Miss, missed)] {
            if number > 0 {
                service.metrics().lookups(name, Protocol::Nix, outcome, number);
            }
        }
    }

    fn about(&self, name: &str) {
        if let Some(told) = &self.told {
            told.note_name(name);
        }
    }

    /// What the token allows with the repositories of an owner.
    pub(super) async fn owner(&self, service: &Service, owner: &str) -> Result<ManageRight> {
        service.visit_owner(self.token.as_deref(), self.origin(), owner).await
    }

    /// Whether the token is an administrator's, as who asks about the whole server.
    pub(super) async fn server(&self, service: &Service) -> Result<()> {
        service.visit_server(self.token.as_deref(), self.origin()).await
    }

    /// A URL of this server that the client can reach: under the configured address, else under the one that this
    /// request was sent to. `path` begins with a slash.
    pub(super) fn url(&self, service: &Service, path: &str) -> String {
        let public = service.settings().public_url.trim_end_matches('/');
        if !public.is_empty() {
            return format!("{public}{path}");
        }
        match (&self.host, self.ends) {
            (Some(host), _) => format!("http://{host}{path}"),
            (None, Some(ends)) => format!("http://{}{path}", ends.local),
            (None, None) => path.to_owned(),
        }
    }

    /// Where a job fetches what lies at a signed path of ours: a job behind a runner's proxy may reach nothing but that.
    pub(super) fn download(&self, service: &Service, path: &str) -> String {
        let vouched = self.run.as_ref().filter(|_| !service.settings().auth.forgejo.secret.is_empty());
        vouched.and_then(|run| proxied(run, path)).unwrap_or_else(|| self.url(service, path))
    }

    fn origin(&self) -> Origin<'_> {
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Origin {
            peer: self.ends.map_or(unknown, |ends| ends.peer.ip()),
            host: self.host.as_deref(),
            run: self.run.as_ref(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Site {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Infallible> {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let named = parts.uri.authority().map(Authority::as_str).or_else(|| header(HOST));
        // It becomes part of URLs, so it must be nothing but a host and a port.
        let host = named.filter(|name| !name.contains('@') && name.parse::<Authority>().is_ok());
        Ok(Self {
            ends: parts.extensions.get().copied(),
            host: host.map(str::to_owned),
            token: header(AUTHORIZATION).and_then(token).map(Cow::into_owned),
            run: run(&parts.headers),
            told: parts.extensions.get().cloned(),
        })
    }
}

/// What a Forgejo runner's proxy says of the job; nothing where there is no signature.
fn run(headers: &HeaderMap) -> Option<SignedRun> {
    let header = |name: &str| headers.get(format!("forgejo-cache-{name}"))?.to_str().ok().map(str::to_owned);
    Some(SignedRun {
        mac: header("mac")?,
        repository: header("repo").unwrap_or_default(),
        number: header("runnumber").unwrap_or_default(),
        timestamp: header("timestamp").unwrap_or_default(),
        isolation: header("writeisolationkey").unwrap_or_default(),
        host: header("host").unwrap_or_default(),
        id: header("runid").unwrap_or_default(),
    })
}

/// A signed path as a runner's proxy passes it on: of downloads it knows `artifacts/ID`, and leaves the query as it is.
fn proxied(run: &SignedRun, path: &str) -> Option<String> {
    let rest = path.strip_prefix("/blobs/download/")?;
    let host = run.host.trim_end_matches('/');
    let named = !run.id.is_empty() && run.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let url = Url::parse(host).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    (named && url.is_some()).then(|| format!("{host}/{}/{}artifacts/{rest}", run.id, v1::PREFIX))
}

/// `Bearer TOKEN`, or `token TOKEN` as gh writes it, or `Basic` and the base64 of `USER:TOKEN`, which is how Nix says
/// what stands in a netrc file; the user may be anybody.
fn token(value: &str) -> Option<Cow<'_, str>> {
    let (scheme, token) = value.trim_ascii().split_once(' ')?;
    let token = token.trim_ascii();
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if is("basic") {
        // No longer than its header, which has a bound.
        let login = String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok()?;
        return login.split_once(':').map(|(_, password)| Cow::Owned(password.to_owned()));
    }
    (is("bearer") || is("token")).then_some(Cow::Borrowed(token))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn tokens_are_read_under_their_schemes() {
        assert_eq!(token("Bearer a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(token("bearer  a.b.c ").as_deref(), Some("a.b.c"));
        assert_eq!(token("token x").as_deref(), Some("x"));
        assert_eq!(token("a.b.c"), None);
        assert_eq!(token("Digest x"), None);
    }

    #[test]
    fn the_password_of_a_login_is_a_token() {
        let basic =
            |login: &[u8]| token(&format!("Basic {}", BASE64_STANDARD.encode(login))).map(Cow::into_owned);
        assert_eq!(basic(b"anybody:a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(basic(b":a:b").as_deref(), Some("a:b"));
        assert_eq!(basic(b"no colon"), None);
        assert_eq!(basic(b"\xff:\xfe"), None);
        assert_eq!(token("Basic ?"), None);
    }

    async fn host(uri: &str, header: Option<&str>) -> Option<String> {
        let mut request = Request::get(uri);
        if let Some(value) = header {
            request = request.header(HOST, value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        Site::from_request_parts(&mut parts, &()).await.unwrap().host
    }

    #[tokio::test]
    async fn hosts_that_are_none_are_dropped() {
        assert_eq!(host("/x", Some("cache:8484")).await.as_deref(), Some("cache:8484"));
        assert_eq!(host("http://cache/x", Some("other")).await.as_deref(), Some("cache"));
        assert_eq!(host("/x", Some("a/b")).await, None);
        assert_eq!(host("/x", Some("user@cache")).await, None);
        assert_eq!(host("/x", None).await, None);
    }
}
