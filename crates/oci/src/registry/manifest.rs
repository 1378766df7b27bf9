//! Manifests.

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response};

use super::answer::{CONTENT_DIGEST, check_digest, header, shown, stated_length, whole};
use super::error::RegistryError;
use super::repository::Repository;
use crate::descriptor::{Descriptor, media_type};
use crate::destination::Manifest;
use crate::digest::Digest;

/// Bytes of a manifest at the most: what registries must take (distribution specification).
pub(super) const MAX_MANIFEST: u64 = 4 << 20;

/// What can be read.
const ACCEPTED: [&str; 4] =
    [media_type::MANIFEST, media_type::INDEX, media_type::DOCKER_MANIFEST, media_type::DOCKER_INDEX];

impl Repository {
    /// What a tag or a digest names, by its headers alone where the registry has them.
    pub(super) async fn look_up(&self, reference: &str) -> Result<Option<Descriptor>, RegistryError> {
        if !self.host().heads_refused() {
            let answer = self.ask_manifest(Method::HEAD, reference).await?;
            match answer.status().as_u16() {
                200 => {
                    if let Some(found) = described(&answer, reference)? {
                        return Ok(Some(found));
                    }
                }
                404 => return Ok(None),
                405 | 501 => self.host().refuse_heads(),
                _ => return Err(RegistryError::Refused(self.wire().refusal(answer).await)),
            }
        }
        let read = self.read_manifest(reference).await?;
        Ok(read.map(|manifest| {
            Descriptor::new(&manifest.media_type, manifest.digest, manifest.bytes.len() as u64)
        }))
    }

    /// A manifest, checked by the digest by which it was asked for or which the registry says.
    pub(super) async fn read_manifest(&self, reference: &str) -> Result<Option<Manifest>, RegistryError> {
        let answer = self.ask_manifest(Method::GET, reference).await?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(RegistryError::Refused(self.wire().refusal(answer).await)),
        }
        let headers = answer.headers().clone();
        let bytes = whole(answer, MAX_MANIFEST, self.wire().effort.idle).await?;
        let digest = Digest::of(&bytes);
        if let Ok(wanted) = reference.parse::<Digest>()
            && wanted != digest
        {
            return Err(RegistryError::WrongDigest { wanted, got: digest.to_string() });
        }
        check_digest(&headers, &digest)?;
        let media_type = kind(&headers);
        Ok(Some(Manifest { media_type, bytes, digest }))
    }

    /// Puts a manifest; gives the answer for what its headers say.
    pub(super) async fn send_manifest(
        &self,
        manifest: &Manifest,
        reference: &str,
    ) -> Result<Response, RegistryError> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let mut ask = self.ask(Method::PUT, url).with(CONTENT_TYPE, &manifest.media_type)?;
        ask.body = manifest.bytes.clone();
        let answer = self.send(ask).await?;
        if !answer.status().is_success() {
            return Err(RegistryError::Refused(self.wire().refusal(answer).await));
        }
        check_digest(answer.headers(), &manifest.digest)?;
        Ok(answer)
    }

    async fn ask_manifest(&self, method: Method, reference: &str) -> Result<Response, RegistryError> {
        let url = self.url(&format!("manifests/{reference}"))?;
        self.follow(self.ask(method, url).with(ACCEPT, &ACCEPTED.join(", "))?).await
    }
}

/// What the headers of a manifest say; none where they do not say enough.
fn described(answer: &Response, reference: &str) -> Result<Option<Descriptor>, RegistryError> {
    let headers = answer.headers();
    let (Ok(digest), Some(size)) = (header(headers, CONTENT_DIGEST).parse(), stated_length(headers)) else {
        return Ok(None);
    };
    if let Ok(wanted) = reference.parse() {
        check_digest(headers, &wanted)?;
    }
    Ok(Some(Descriptor::new(&kind(headers), digest, size)))
}

/// The media type without parameters.
fn kind(headers: &reqwest::header::HeaderMap) -> String {
    shown(header(headers, CONTENT_TYPE).split(';').next().unwrap_or_default())
}
