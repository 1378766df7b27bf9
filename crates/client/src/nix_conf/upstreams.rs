//! The upstream caches that Nix is set to.

use snowbank_binary_cache::upstream::Upstream;
use snowbank_nix::signature::PublicKey;
use url::Url;

use super::{Netrc, NixConf};

/// The upstream caches that Nix is set to.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    /// The caches, in order. Each may sign with each of Nix's keys: Nix does not say whose a key is.
    pub upstreams: Vec<Upstream>,
    /// Stores that are not fetched from here, as those in S3 or behind SSH; without logins.
    pub other: Vec<String>,
    /// Keys that are none.
    pub bad_keys: Vec<String>,
}

impl NixConf {
    /// The caches that Nix fetches from, with the logins that `netrc` has for them. One that stands there twice is one.
    #[must_use]
    pub fn upstreams(&self, netrc: &Netrc) -> Configured {
        let mut configured = Configured::default();
        let mut keys: Vec<PublicKey> = Vec::new();
        for text in &self.trusted_public_keys {
            match text.parse() {
                Ok(key) if keys.contains(&key) => {}
                Ok(key) => keys.push(key),
                Err(_) => configured.bad_keys.push(text.clone()),
            }
        }
        for text in &self.substituters {
            match cache(text, netrc) {
                Some(url) if configured.upstreams.iter().any(|upstream| upstream.url == url) => {}
                Some(url) => configured.upstreams.push(Upstream { url, keys: keys.clone() }),
                None => configured.other.push(without_login(text)),
            }
        }
        configured
    }
}

/// The cache that is written so, with its login.
fn cache(text: &str, netrc: &Netrc) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    match url.scheme() {
        "file" => return Some(url),
        "http" | "https" => {}
        _ => return None,
    }
    url.set_query(None);
    if url.username().is_empty()
        && url.password().is_none()
        && let Some(entry) = url.host_str().and_then(|host| netrc.login(host)).cloned()
    {
        url.set_username(entry.login.as_deref().unwrap_or_default()).ok()?;
        url.set_password(entry.password.as_deref()).ok()?;
    }
    Some(url)
}

/// The text without what stands before an `@`, whatever else is wrong with it.
pub(super) fn without_login(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use snowbank_binary_cache::upstream::NIXOS_KEY;

    use super::*;

    fn conf(substituters: &[&str], keys: &[&str]) -> NixConf {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        NixConf {
            substituters: list(substituters),
            trusted_substituters: Vec::new(),
            trusted_users: Vec::new(),
            trusted_public_keys: list(keys),
            netrc_file: PathBuf::new(),
            ssl_cert_file: None,
        }
    }

    #[test]
    fn caches_are_told_from_other_stores() {
        let key = NIXOS_KEY;
        let conf = conf(
            &[
                "https://a.example?priority=1",
                "s3://b",
                "https://a.example/",
                "/srv/store",
                "file:///srv/cache",
            ],
            &[key, "nonsense", key],
        );
        assert!(!format!("{conf:?}").contains("secret"));
        let configured = conf.upstreams(&Netrc::default());
        let urls: Vec<_> = configured.upstreams.iter().map(|upstream| upstream.url.as_str()).collect();
        assert_eq!(urls, ["https://a.example/", "file:///srv/cache"]);
        assert_eq!(configured.upstreams[0].keys.len(), 1);
        assert_eq!(
            (configured.other, configured.bad_keys.len()),
            (vec!["s3://b".into(), "/srv/store".into()], 1)
        );
    }

    #[test]
    fn a_login_comes_from_the_url_or_else_from_netrc() {
        let netrc = Netrc::parse("machine a.example login me password p:@w");
        let conf = conf(&["https://a.example", "https://you@a.example/x", "https://b.example"], &[]);
        let urls: Vec<_> =
            conf.upstreams(&netrc).upstreams.into_iter().map(|upstream| upstream.url.to_string()).collect();
        assert_eq!(urls, ["https://me:p%3A%40w@a.example/", "https://you@a.example/x", "https://b.example/"]);
    }
}
