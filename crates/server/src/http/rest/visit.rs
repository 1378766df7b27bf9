//! Who asks, and about what: the path names it.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::failure::Failure;
use crate::http::site::Site;
use crate::service::{LimitsOn, ManageRight, Service, Visitor};

/// Who asks, about the repository of the path.
pub(super) struct Visit(pub(super) Visitor);

/// What somebody may do with a repository, an organization or all of the server, which are enterprises of any name.
pub(super) struct Managed {
    pub(super) on: LimitsOn,
    pub(super) right: ManageRight,
}

impl Managed {
    /// The owner whose repositories are meant; none for all.
    pub(super) fn owner(&self) -> Option<&str> {
        match &self.on {
            LimitsOn::Owner(owner) => Some(owner),
            LimitsOn::Server | LimitsOn::Repository(_) => None,
        }
    }
}

impl FromRequestParts<Service> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Failure> {
        let (site, path) = (site(parts, service).await, path(parts, service).await?);
        let repository = format!("{}/{}", part(&path, "owner"), part(&path, "name"));
        Ok(Self(site.visitor(service, &repository).await?))
    }
}

impl FromRequestParts<Service> for Managed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Failure> {
        let (site, path) = (site(parts, service).await, path(parts, service).await?);
        if path.iter().any(|(name, _)| name == "enterprise") {
            site.server(service).await?;
            return Ok(Self { on: LimitsOn::Server, right: ManageRight::Admin });
        }
        if path.iter().any(|(name, _)| name == "name") {
            let Visit(visitor) = Visit::from_request_parts(parts, service).await?;
            return Ok(Self { on: visitor.limits_on(), right: visitor.right() });
        }
        let owner = part(&path, "org");
        let right = site.owner(service, owner).await?;
        Ok(Self { on: LimitsOn::Owner(owner.to_owned()), right })
    }
}

async fn site(parts: &mut Parts, service: &Service) -> Site {
    Site::from_request_parts(parts, service).await.unwrap_or_else(|never| match never {})
}

async fn path(parts: &mut Parts, service: &Service) -> Result<RawPathParams, Failure> {
    let path = RawPathParams::from_request_parts(parts, service).await;
    path.map_err(|_| Failure::not_found("there is nothing of this name"))
}

fn part<'a>(path: &'a RawPathParams, name: &str) -> &'a str {
    path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}
