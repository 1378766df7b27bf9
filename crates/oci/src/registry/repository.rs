//! One repository as a destination.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{Method, Response};
use url::Url;

use super::auth::Scopes;
use super::counts::Counts;
use super::error::RegistryError;
use super::hint::hint;
use super::host::Host;
use super::missing;
use super::upload::session::Session;
use super::wire::{Ask, Wire};
use crate::descriptor::Descriptor;
use crate::destination::{Blob, Destination, DestinationError, Manifest, Mounted};
use crate::digest::Digest;

/// What is to be done in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// One repository of a registry.
#[derive(Debug)]
pub struct Repository {
    host: Arc<Host>,
    /// What tokens are asked for.
    own: Scopes,
    /// What else they are asked for, as long as that does not keep them from being given.
    wished: Scopes,
    wishing: AtomicBool,
    /// Upload sessions that mounts opened.
    spare: Mutex<Vec<Session>>,
}

impl Repository {
    pub(super) fn new(host: Arc<Host>, access: Access, mounts: &[String]) -> Self {
        let name = host.reference.repository();
        let own = match access {
            Access::Pull => format!("repository:{name}:pull"),
            Access::Push => format!("repository:{name}:pull,push"),
        };
        let wished: Scopes = mounts.iter().take(16).map(|from| format!("repository:{from}:pull")).collect();
        let wishing = AtomicBool::new(!wished.is_empty());
        Self { host, own: BTreeSet::from([own]), wished, wishing, spare: Mutex::default() }
    }

    /// What was asked of the registry so far, for this and its other repositories.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.wire().tally.counts()
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.host.wire
    }

    /// `/v2/REPOSITORY/` and what comes after it.
    pub(super) fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.wire().url(&format!("{}/{path}", self.host.reference.repository()))
    }

    pub(super) fn ask(&self, method: Method, url: Url) -> Ask {
        let mut scopes = self.own.clone();
        if self.wishing.load(Ordering::Relaxed) {
            scopes.extend(self.wished.iter().cloned());
        }
        self.wire().ask(method, url, scopes)
    }

    /// Sends a request; where no token is to be had for all that is wished for, with one for less.
    pub(super) async fn send(&self, ask: Ask) -> Result<Response, RegistryError> {
        match self.wire().send(&ask).await {
            Err(error) if self.wishes_less(&error) => {
                self.wire().send(&Ask { scopes: self.own.clone(), ..ask }).await
            }
            other => other,
        }
    }

    /// The same for a question that may lead elsewhere.
    pub(super) async fn follow(&self, ask: Ask) -> Result<Response, RegistryError> {
        match self.wire().follow(ask.clone()).await {
            Err(error) if self.wishes_less(&error) => {
                self.wire().follow(Ask { scopes: self.own.clone(), ..ask }).await
            }
            other => other,
        }
    }

    fn wishes_less(&self, error: &RegistryError) -> bool {
        let refused = matches!(error, RegistryError::Token(inner) if inner.status().is_some_and(|status| status.is_client_error()));
        refused && self.wishing.swap(false, Ordering::Relaxed)
    }

    pub(super) fn spare<T>(&self, look: impl FnOnce(&mut Vec<Session>) -> T) -> T {
        look(&mut self.spare.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn fail(&self, attempt: impl FnOnce(&str) -> String) -> impl FnOnce(RegistryError) -> DestinationError {
        move |error| {
            let (missing, refused_blobs) = missing::of(&error);
            DestinationError {
                attempt: attempt(&self.name()),
                missing,
                refused_blobs,
                hint: hint(&error, &self.host.reference, self.host.plain),
                source: Box::new(error),
            }
        }
    }
}

#[async_trait]
impl Destination for Repository {
    fn name(&self) -> String {
        self.host.reference.name()
    }

    async fn resolve(&self, reference: &str) -> Result<Option<Descriptor>, DestinationError> {
        let fail = self.fail(|name| format!("cannot look up {reference} in {name}"));
        self.look_up(reference).await.map_err(fail)
    }

    async fn tags(&self) -> Vec<String> {
        // They only help: a registry that does not list them can be pushed to.
        self.list_tags().await.unwrap_or_default()
    }

    async fn manifest(&self, reference: &str) -> Result<Option<Manifest>, DestinationError> {
        let fail = self.fail(|name| format!("cannot read the manifest {reference} of {name}"));
        self.read_manifest(reference).await.map_err(fail)
    }

    async fn blob(&self, digest: &Digest, most: u64) -> Result<Option<Bytes>, DestinationError> {
        let fail = self.fail(|name| format!("cannot read the blob {digest} of {name}"));
        self.small_blob(digest, most).await.map_err(fail)
    }

    async fn has(&self, digest: &Digest) -> Result<Option<u64>, DestinationError> {
        let fail = self.fail(|name| format!("cannot tell whether {name} has the blob {digest}"));
        self.blob_size(digest).await.map_err(fail)
    }

    async fn mount(&self, digest: &Digest, from: &str) -> Result<Mounted, DestinationError> {
        let fail = self.fail(|name| format!("cannot mount the blob {digest} from {from} in {name}"));
        self.take_over(digest, from).await.map_err(fail)
    }

    async fn put(&self, blob: &dyn Blob) -> Result<(Digest, u64), DestinationError> {
        let fail = self.fail(|name| match blob.known() {
            Some((digest, _)) => format!("cannot push the blob {digest} to {name}"),
            None => format!("cannot push a blob to {name}"),
        });
        // Large, and every caller would carry it.
        Box::pin(self.send_blob(blob)).await.map_err(fail)
    }

    async fn put_manifest(&self, manifest: &Manifest, reference: &str) -> Result<(), DestinationError> {
        let fail = self.fail(|name| format!("cannot push the manifest {reference} to {name}"));
        self.send_manifest(manifest, reference).await.map(drop).map_err(fail)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, DestinationError> {
        let fail = self.fail(|name| format!("cannot tell what is attached to {subject} in {name}"));
        self.attached(subject).await.map_err(fail)
    }

    async fn put_referrer(&self, subject: &Descriptor, manifest: &Manifest) -> Result<(), DestinationError> {
        let fail =
            self.fail(|name| format!("cannot attach {} to {} in {name}", manifest.digest, subject.digest));
        self.attach(subject, manifest).await.map_err(fail)
    }

    async fn finish(&self) -> Result<(), DestinationError> {
        for session in self.spare(std::mem::take) {
            session.cancel(self).await;
        }
        Ok(())
    }
}
