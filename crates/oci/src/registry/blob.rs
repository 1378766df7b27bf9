//! Blobs that are there: asking for them, reading small ones, having them taken over from another repository.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_RANGE, RANGE};

use super::answer::{check_digest, header, stated_length, whole};
use super::error::RegistryError;
use super::repository::Repository;
use super::upload::session::Session;
use crate::destination::Mounted;
use crate::digest::Digest;

/// Sessions that mounts opened in vain and that are kept for uploads.
const MAX_SPARE: usize = 16;

/// Blobs that a repository may not have before it is asked for no more.
const MAX_MISSES: u32 = 3;

impl Repository {
    /// The size of a blob, if it is there.
    pub(super) async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        let url = self.url(&format!("blobs/{digest}"))?;
        if !self.host().heads_refused() {
            let answer = self.follow(self.ask(Method::HEAD, url.clone())).await?;
            match answer.status().as_u16() {
                200 => {
                    check_digest(answer.headers(), digest)?;
                    if let Some(length) = stated_length(answer.headers()) {
                        return Ok(Some(length));
                    }
                }
                404 => return Ok(None),
                405 | 501 => self.host().refuse_heads(),
                // Storage that the registry leads to may let a URL be read and nothing else.
                _ if answer.url().origin() != url.origin() => {}
                _ => return Err(RegistryError::Refused(self.wire().refusal(answer).await)),
            }
        }
        self.blob_size_by_reading(digest, url).await
    }

    /// As above, where HEAD is not allowed: the first byte tells the length of all.
    async fn blob_size_by_reading(
        &self,
        digest: &Digest,
        url: url::Url,
    ) -> Result<Option<u64>, RegistryError> {
        let answer = self.follow(self.ask(Method::GET, url).with(RANGE, "bytes=0-0")?).await?;
        let total = match answer.status().as_u16() {
            200 => stated_length(answer.headers()),
            // A range of an empty blob cannot be had, and its length is said all the same.
            206 | 416 => header(answer.headers(), CONTENT_RANGE)
                .rsplit_once('/')
                .and_then(|(_, total)| total.parse().ok()),
            404 => return Ok(None),
            _ => return Err(RegistryError::Refused(self.wire().refusal(answer).await)),
        };
        check_digest(answer.headers(), digest)?;
        // The body is left unread: dropping the answer ends it.
        total
            .map(Some)
            .ok_or_else(|| RegistryError::Protocol("it does not say how long the blob is".to_owned()))
    }

    /// A small blob, held in memory as a whole.
    pub(super) async fn small_blob(
        &self,
        digest: &Digest,
        most: u64,
    ) -> Result<Option<Bytes>, RegistryError> {
        let answer = self.follow(self.ask(Method::GET, self.url(&format!("blobs/{digest}"))?)).await?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(RegistryError::Refused(self.wire().refusal(answer).await)),
        }
        let bytes = whole(answer, most, self.wire().effort.idle).await?;
        let got = Digest::of(&bytes);
        if got == *digest {
            Ok(Some(bytes))
        } else {
            Err(RegistryError::WrongDigest { wanted: *digest, got: got.to_string() })
        }
    }

    /// Has a blob taken over. Every refusal is a no: the blob can be sent.
    pub(super) async fn take_over(&self, digest: &Digest, from: &str) -> Result<Mounted, RegistryError> {
        if self.host().misses(from) >= MAX_MISSES {
            return Ok(Mounted::No);
        }
        let mut url = self.url("blobs/uploads/")?;
        url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
        let mut ask = self.ask(Method::POST, url.clone());
        ask.scopes.insert(format!("repository:{from}:pull"));
        let answer = match self.wire().send(&ask).await {
            Ok(answer) => answer,
            // Harbor has no token for a project that does not exist.
            Err(error)
                if error.status().is_some_and(|status| status.is_client_error()) && !error.is_transient() =>
            {
                self.host().missed(from, MAX_MISSES);
                return Ok(Mounted::No);
            }
            Err(error) => return Err(error),
        };
        match answer.status().as_u16() {
            201 => {
                check_digest(answer.headers(), digest)?;
                self.host().mounted(from);
                Ok(Mounted::Yes)
            }
            202 => {
                self.host().missed(from, 1);
                if let Ok(session) = Session::opened(self, &url, answer.headers()) {
                    self.keep(session).await;
                }
                Ok(Mounted::No)
            }
            status if (400..500).contains(&status) => {
                self.host().missed(from, MAX_MISSES);
                Ok(Mounted::No)
            }
            _ => Err(RegistryError::Refused(self.wire().refusal(answer).await)),
        }
    }

    /// Keeps a session that nobody uses yet, or ends it.
    async fn keep(&self, session: Session) {
        let kept = self.spare(|spare| {
            if spare.len() < MAX_SPARE {
                spare.push(session);
                None
            } else {
                Some(session)
            }
        });
        if let Some(session) = kept {
            session.cancel(self).await;
        }
    }
}
