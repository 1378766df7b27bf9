//! Whoever looks at a page.

use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};

use super::failure::Failure;
use super::session::Sessions;
use crate::http::site::Site;
use crate::service::{CacheView, Identity, Kind, Service, ServiceError, Visitor};

/// Whoever looks at a page, signed in or not.
pub(super) struct Guest {
    site: Site,
    identity: Option<Identity>,
}

impl Guest {
    /// Who it is.
    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// What only an administrator sees does not exist for others.
    pub(super) fn administers(&self) -> Result<(), Failure> {
        if self.identity().is_some_and(Identity::is_admin) {
            return Ok(());
        }
        Err(Failure::not_found("There is no page at this address for this token."))
    }

    /// A repository as he sees it.
    pub(super) async fn visitor(
        &self,
        service: &Service,
        owner: &str,
        name: &str,
    ) -> Result<Visitor, ServiceError> {
        self.site.visitor(service, &format!("{owner}/{name}")).await
    }

    /// A binary cache as he sees it.
    pub(super) async fn cache(&self, service: &Service, name: &str) -> Result<CacheView, ServiceError> {
        self.site.cache(service, name).await
    }
}

/// Who a request is from: its session's cookie says so and nothing else, so that a form of another site carries no right. Who
/// has none, or one that is over, is nobody, or is believed for where he is.
impl FromRequestParts<Service> for Guest {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Failure> {
        let site = Site::from_request_parts(parts, service).await.unwrap_or_else(|never| match never {});
        let now = service.now().await?.0 / 1000;
        let token = Sessions::of(service).token(&parts.headers, now);
        if token.is_some() {
            let own = site.clone().with_token(token);
            match own.identity(service).await {
                Ok(identity) => return Ok(Self { site: own, identity }),
                Err(error) if error.kind() == Kind::Unauthenticated => {}
                Err(error) => return Err(error.into()),
            }
        }
        let site = site.with_token(None);
        let identity = site.identity(service).await?;
        Ok(Self { site, identity })
    }
}

/// Somebody who is known. Nobody is led to the page where one signs in, and back from there.
pub(super) struct Member(pub(super) Guest);

impl FromRequestParts<Service> for Member {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Failure> {
        let guest = Guest::from_request_parts(parts, service).await?;
        if guest.identity.is_some() {
            return Ok(Self(guest));
        }
        if parts.method == Method::POST {
            let message =
                "You are not signed in, or no longer, so nothing was done. Sign in and send it again.";
            return Err(Failure::new(StatusCode::UNAUTHORIZED, message));
        }
        let OriginalUri(uri) = OriginalUri::from_request_parts(parts, service)
            .await
            .unwrap_or_else(|never: std::convert::Infallible| match never {});
        Err(Failure::sign_in_first(uri.path_and_query().map_or("/", |path| path.as_str())))
    }
}
