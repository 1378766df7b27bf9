//! Credential files: Docker's `config.json` and Podman's `auth.json`, which are alike.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

use super::{Credential, CredentialError, Login};
use crate::reference::Reference;
use crate::registry::secret::Secret;

/// Bytes of a file at the most.
pub(super) const MAX_FILE: u64 = 1 << 20;

/// What Docker calls its own registry in these files.
pub(super) const DOCKER_KEY: &str = "https://index.docker.io/v1/";

/// A credential file, of which only what is said of registries is kept.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthFile {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl AuthFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no JSON of this kind. The error may quote what is secret: only its place may be shown.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The helper that is named for the registry alone.
    pub(super) fn helper(&self, reference: &Reference) -> Option<&str> {
        let host = reference.host();
        let docker = (host == "docker.io").then_some(DOCKER_KEY);
        let named = self.cred_helpers.get(host).or_else(|| self.cred_helpers.get(docker?));
        named.map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The helper for everything else.
    pub(super) fn store(&self) -> Option<&str> {
        self.creds_store.as_deref().filter(|name| !name.is_empty())
    }

    /// The entry whose key is the longest beginning of the repository's name. Empty ones, which helpers leave behind, do not
    /// count.
    ///
    /// # Errors
    /// When it cannot be understood.
    pub fn entry(&self, reference: &Reference) -> Result<Option<Credential>, CredentialError> {
        let whole = reference.name();
        let mut name = whole.as_str();
        loop {
            for (key, entry) in self.auths.iter().filter(|(key, _)| normal(key) == name) {
                if let Some(found) = entry.credential(key)? {
                    return Ok(Some(found));
                }
            }
            let Some((shorter, _)) = name.rsplit_once('/') else { return Ok(None) };
            name = shorter;
        }
    }
}

/// A key without what Docker's older files had around the host.
fn normal(key: &str) -> &str {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let bare = bare.trim_end_matches('/');
    let bare = bare.strip_suffix("/v1").or_else(|| bare.strip_suffix("/v2")).unwrap_or(bare);
    match bare {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

impl Entry {
    fn credential(&self, key: &str) -> Result<Option<Credential>, CredentialError> {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty()).map(Secret::new);
        if let Some(token) = some(&self.registrytoken) {
            return Ok(Some(Credential::Token(token)));
        }
        if let Some(token) = some(&self.identitytoken) {
            return Ok(Some(Credential::Identity(token)));
        }
        let Some(auth) = some(&self.auth) else { return Ok(None) };
        let wrong = || CredentialError::Entry(key.to_owned());
        let auth = auth.expose().trim();
        let bytes = STANDARD.decode(auth).or_else(|_| STANDARD_NO_PAD.decode(auth)).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let (user, secret) = text.split_once(':').ok_or_else(wrong)?;
        // Docker pads what it writes with NULs.
        let secret = Secret::new(secret.trim_end_matches('\0'));
        Ok(Some(Credential::Login(Login { user: user.to_owned(), secret })))
    }
}
