//! What is attached to a manifest: by the registry itself, or by a tag where it does not (distribution specification,
//! section Referrers Tag Schema).

use reqwest::header::{ACCEPT, HeaderName};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::whole;
use super::error::RegistryError;
use super::manifest::MAX_MANIFEST;
use super::repository::Repository;
use crate::descriptor::{Descriptor, media_type};
use crate::destination::Manifest;
use crate::digest::Digest;
use crate::manifest::Index;

/// The header by which a registry says that it keeps referrers.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// How often the tag's index is written when others write it, too.
const ROUNDS: u32 = 4;

/// The tag under which a registry that keeps no referrers has what is attached to a manifest.
fn tag_of(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

impl Repository {
    /// What is attached to a manifest: as the registry says, or its tag. Of a list in pages the first is read; a list that cannot be
    /// read names nothing, so that what is attached again is found to be there by whoever writes it.
    pub(super) async fn attached(&self, subject: &Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let index = match self.listed(subject).await? {
            Some(index) => Some(index),
            None => self.tagged(subject).await?.and_then(|manifest| Index::parse(&manifest).ok()),
        };
        Ok(index.map(|index| index.manifests).unwrap_or_default())
    }

    /// The registry's own list; none where it keeps none. Nothing is followed: GHCR leads to a page for people, which is closed to
    /// whoever asks often.
    async fn listed(&self, subject: &Digest) -> Result<Option<Index>, RegistryError> {
        let url = self.url(&format!("referrers/{subject}"))?;
        let answer = match self.send(self.ask(Method::GET, url).with(ACCEPT, media_type::INDEX)?).await {
            Ok(answer) if answer.status() == StatusCode::OK => answer,
            Ok(_) | Err(RegistryError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = whole(answer, MAX_MANIFEST, self.wire().effort.idle).await?;
        let media_type = media_type::INDEX.to_owned();
        Ok(Index::parse(&Manifest { media_type, digest: Digest::of(&bytes), bytes }).ok())
    }

    /// What the tag names, other than the manifest itself: GitLab's registry takes the tag for the manifest's digest.
    async fn tagged(&self, subject: &Digest) -> Result<Option<Manifest>, RegistryError> {
        let manifest = self.read_manifest(&tag_of(subject)).await?;
        Ok(manifest.filter(|manifest| manifest.digest != *subject))
    }

    /// Puts a manifest that has a subject, and sees to it that it is found from there.
    pub(super) async fn attach(
        &self,
        subject: &Descriptor,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        let answer = self.send_manifest(manifest, &manifest.digest.to_string()).await?;
        if answer.headers().contains_key(SUBJECT) {
            return Ok(());
        }
        let tag = tag_of(&subject.digest);
        let entry = entry(manifest);
        for _ in 0..ROUNDS {
            // Nothing guards the tag between reading and writing, so what was written is looked at again.
            let old = self.tagged(&subject.digest).await?;
            let Some(index) = with_entry(old.as_ref(), &entry)? else { return Ok(()) };
            self.send_manifest(&index, &tag).await?;
        }
        match with_entry(self.tagged(&subject.digest).await?.as_ref(), &entry)? {
            None => Ok(()),
            Some(_) => Err(RegistryError::Protocol(format!(
                "the tag {tag} does not keep what is written to it: others write it at the same time, or it is taken for a digest"
            ))),
        }
    }
}

/// What an index says of an attached manifest.
fn entry(manifest: &Manifest) -> Value {
    let read: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
    let kind =
        read.get("artifactType").or_else(|| read.get("config").and_then(|config| config.get("mediaType")));
    let mut entry = json!({
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.bytes.len(),
    });
    if let Some(kind) = kind {
        entry["artifactType"] = kind.clone();
    }
    if let Some(annotations) = read.get("annotations").filter(|one| one.is_object()) {
        entry["annotations"] = annotations.clone();
    }
    entry
}

/// The index with the entry; none where it has it. What else is in the index stays.
fn with_entry(old: Option<&Manifest>, entry: &Value) -> Result<Option<Manifest>, RegistryError> {
    let broken = || RegistryError::Protocol("the index of what is attached is none".to_owned());
    let mut index = match old {
        Some(old) => serde_json::from_slice(&old.bytes).map_err(|_| broken())?,
        None => json!({"schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": []}),
    };
    let manifests = index.get_mut("manifests").and_then(Value::as_array_mut).ok_or_else(broken)?;
    if manifests.iter().any(|one| one.get("digest") == entry.get("digest")) {
        return Ok(None);
    }
    manifests.push(entry.clone());
    let bytes = serde_json::to_vec(&index).map_err(|_| broken())?;
    if bytes.len() as u64 > MAX_MANIFEST {
        return Err(RegistryError::TooLarge(MAX_MANIFEST));
    }
    let digest = Digest::of(&bytes);
    Ok(Some(Manifest { media_type: media_type::INDEX.to_owned(), bytes: bytes.into(), digest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(json: &Value) -> Manifest {
        let bytes = serde_json::to_vec(json).unwrap();
        let digest = Digest::of(&bytes);
        Manifest { media_type: media_type::MANIFEST.to_owned(), bytes: bytes.into(), digest }
    }

    #[test]
    fn an_entry_is_added_once_and_the_rest_stays() {
        let attached = manifest(&json!({"artifactType": "a/b", "annotations": {"k": "v"}}));
        let entry = entry(&attached);
        assert_eq!(entry["artifactType"], "a/b");
        assert_eq!(entry["annotations"], json!({"k": "v"}));
        let old = manifest(&json!({"manifests": [{"digest": "x"}], "more": 1}));
        let new = with_entry(Some(&old), &entry).unwrap().unwrap();
        let read: Value = serde_json::from_slice(&new.bytes).unwrap();
        assert_eq!(read["more"], 1);
        assert_eq!(read["manifests"].as_array().unwrap().len(), 2);
        assert!(with_entry(Some(&new), &entry).unwrap().is_none());
        assert!(with_entry(Some(&manifest(&json!({"manifests": 7}))), &entry).is_err());
    }
}
