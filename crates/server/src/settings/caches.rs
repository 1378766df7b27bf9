//! Settings of a Nix binary cache, `[caches.NAME]`.

use serde::{Deserialize, Serialize};

use super::{ByteSize, Span};

/// The longest name of a cache, in bytes.
pub const MAX_CACHE_NAME: usize = 63;

/// A Nix binary cache that is served at `/nix/NAME/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheSettings {
    /// Whose chunks it shares, as the owner of repositories; nothing for an owner of the cache's own name.
    pub owner: Option<String>,
    /// Whether everybody may pull what is in the cache itself.
    pub public: bool,
    /// What Nix goes by when several caches have a path: the lowest number is asked first.
    pub priority: u32,
    /// Caches whose paths need not be kept here.
    pub upstreams: Vec<CacheUpstream>,
    /// Whether what is missing here is fetched from the upstreams, kept and served.
    pub pull_through: bool,
    /// How long a path that nobody pulls is kept; nothing for ever.
    pub retention: Option<Span>,
    /// Bytes that it may take; beyond it the paths that were not pulled for longest go.
    pub size: Option<ByteSize>,
    /// Files with Nix secret keys that sign; without any the server makes a key and keeps it in its catalog.
    pub key_files: Vec<String>,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            owner: None,
            public: false,
            priority: 40,
            upstreams: Vec::new(),
            pull_through: false,
            retention: None,
            size: None,
            key_files: Vec::new(),
        }
    }
}

/// A cache behind a cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheUpstream {
    /// Its URL, as in Nix's `substituters`.
    pub url: String,
    /// The public keys of which one has to have signed each path, as in Nix's `trusted-public-keys`.
    #[serde(default)]
    pub keys: Vec<String>,
}

/// Settings of a binary cache that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum CacheSettingsError {
    /// A name that no cache can have.
    #[error(
        "`{}` cannot be the name of a cache: it has 1 to 63 of a-z, 0-9, `.`, `_` and `-`, and begins with a letter or digit",
        .0.escape_debug()
    )]
    Name(String),
    /// A name that no owner can have.
    #[error("`{}` cannot be an owner: it has 1 to 100 letters, digits, `.`, `_` and `-`", .0.escape_debug())]
    Owner(String),
    /// An upstream that is no web address.
    #[error("the upstream `{}` is no http://, https:// or file:// URL", .0.escape_debug())]
    Upstream(String),
    /// Nothing to pull through from.
    #[error("pull_through needs an upstream")]
    NothingBehind,
    /// An upstream whose paths nobody could check.
    #[error("pull_through needs the keys of the upstream {0}")]
    NoKeys(String),
}

impl CacheSettings {
    /// Checks what no single value shows to be wrong.
    ///
    /// # Errors
    /// When the cache cannot have this name, or the settings contradict each other.
    pub fn check(&self, name: &str) -> Result<(), CacheSettingsError> {
        if !is_cache_name(name) {
            return Err(CacheSettingsError::Name(name.to_owned()));
        }
        if let Some(owner) = self.owner.as_ref().filter(|owner| !is_owner(owner)) {
            return Err(CacheSettingsError::Owner(owner.clone()));
        }
        let is_web = |url: &str| {
            url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "file"))
        };
        for CacheUpstream { url, keys } in &self.upstreams {
            if !is_web(url) {
                return Err(CacheSettingsError::Upstream(url.clone()));
            }
            if self.pull_through && keys.is_empty() {
                return Err(CacheSettingsError::NoKeys(url.clone()));
            }
        }
        if self.pull_through && self.upstreams.is_empty() {
            return Err(CacheSettingsError::NothingBehind);
        }
        Ok(())
    }
}

/// Whether a cache can have this name.
#[must_use]
pub fn is_cache_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=MAX_CACHE_NAME).contains(&name.len())
        && name.bytes().next().is_some_and(inner)
        && name.bytes().all(|b| inner(b) || b"._-".contains(&b))
}

fn is_owner(owner: &str) -> bool {
    (1..=100).contains(&owner.len())
        && owner.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["a", "0", "team-1", "x.y_z-", &"a".repeat(63)] {
            assert!(is_cache_name(name), "{name}");
        }
        for name in ["", "-a", ".a", "_a", "Team", "a/b", "a b", "é", "a*", &"a".repeat(64)] {
            assert!(!is_cache_name(name), "{name}");
        }
    }

    fn refused(settings: &str) -> String {
        toml::from_str::<CacheSettings>(settings).unwrap().check("team").unwrap_err().to_string()
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert_eq!(refused("pull_through = true"), "pull_through needs an upstream");
        let keyless = refused("pull_through = true\nupstreams = [{ url = 'https://cache.nixos.org' }]");
        assert_eq!(keyless, "pull_through needs the keys of the upstream https://cache.nixos.org");
        assert!(refused("upstreams = [{ url = 'ssh://x' }]").contains("ssh://x"));
        assert!(refused("owner = 'acme/app'").contains("acme/app"));
        assert!(refused("owner = ''").contains("owner"));
    }

    #[test]
    fn the_defaults_are_sound() {
        assert!(CacheSettings::default().check("team").is_ok());
    }
}
