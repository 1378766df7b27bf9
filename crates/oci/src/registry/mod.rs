//! Registries: images go there, and come from there (OCI distribution specification 1.1, and what registries do besides).
//!
//! A [`Registry`] is one host and who we are there; a [`Repository`] of it is a [`Destination`](crate::destination::Destination).
//! Everything that may be tried again is: requests with growing waits, blobs from where the registry has them.

use std::sync::Arc;

use url::Url;

use crate::destination::DestinationError;
use crate::reference::Reference;

pub mod answer;
pub mod auth;
mod blob;
mod counts;
pub mod credentials;
mod error;
mod hint;
mod host;
mod manifest;
mod missing;
mod outgoing;
mod pace;
mod referrers;
mod repository;
pub mod retry;
mod secret;
pub mod tags;
mod upload;
mod wire;

pub use counts::Counts;
pub use error::RegistryError;
pub use repository::{Access, Repository};
pub use retry::Effort;
pub use secret::Secret;

use credentials::{CredentialFiles, Login};

/// How a registry is spoken to.
#[derive(Clone, Debug, Default)]
pub struct RegistryOptions {
    /// What the client calls itself; `snowbank` where it is empty.
    pub agent: String,
    /// Plain HTTP, which registries on this machine are spoken to by anyway.
    pub plain_http: bool,
    /// Who we are, if the caller knows.
    pub login: Option<Login>,
    /// Where else to find out.
    pub credentials: CredentialFiles,
    /// How hard it is tried.
    pub effort: Effort,
}

/// One registry, as one repository's credentials open it.
#[derive(Clone, Debug)]
pub struct Registry(Arc<host::Host>);

impl Registry {
    /// The registry of `reference`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(reference: &Reference, options: RegistryOptions) -> Result<Self, DestinationError> {
        let plain = options.plain_http || reference.is_loopback();
        let wire = || {
            let scheme = if plain { "http" } else { "https" };
            let base = Url::parse(&format!("{scheme}://{}/v2/", reference.api_host()))
                .map_err(|_| RegistryError::Protocol("its host cannot be one".to_owned()))?;
            let source = auth::Source {
                reference: reference.clone(),
                login: options.login,
                files: options.credentials,
            };
            let agent = if options.agent.is_empty() { "snowbank" } else { &options.agent };
            wire::Wire::new(base, agent, source, options.effort)
        };
        let wire = wire().map_err(|error| DestinationError {
            attempt: format!("cannot speak to {}", reference.host()),
            missing: Vec::new(),
            refused_blobs: false,
            hint: None,
            source: Box::new(error),
        })?;
        Ok(Self(Arc::new(host::Host::new(wire, reference.clone(), plain))))
    }

    /// The repository that the registry was made for. `mounts` are other repositories that blobs may be mounted from: one token is asked for them all.
    #[must_use]
    pub fn repository(&self, access: Access, mounts: &[String]) -> Repository {
        Repository::new(Arc::clone(&self.0), access, mounts)
    }

    /// What was asked of it so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.wire.tally.counts()
    }
}
