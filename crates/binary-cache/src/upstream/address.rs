//! Where an upstream cache is, and what is said to it so that it answers.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

use super::UpstreamError;

/// A user's name and password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Option<String>,
}

/// The root of a cache.
pub(super) struct Address {
    /// Ends with a slash; without login, query and fragment.
    base: Url,
    login: Option<Login>,
    name: String,
}

impl Address {
    /// The root that `url` names. Its query is Nix's settings for the store, not the server's.
    pub(super) fn new(url: &Url) -> Result<Self, UpstreamError> {
        let mut base = url.clone();
        base.set_query(None);
        base.set_fragment(None);
        let folder = base.scheme() == "file" && base.to_file_path().is_ok();
        if !is_web(&base) && !folder {
            return Err(UpstreamError::Url(format!("{}:…", url.scheme())));
        }
        let login = login(&base);
        forget_login(&mut base);
        let path = base.path().trim_end_matches('/').to_owned();
        let host = match (base.host_str(), base.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => String::new(),
        };
        base.set_path(&format!("{path}/"));
        Ok(Self { base, login, name: format!("{host}{path}") })
    }

    /// How people are told of it: host and path.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a server, not a folder.
    pub(super) fn is_web(&self) -> bool {
        is_web(&self.base)
    }

    /// What `reference`, a URL or a part of one, means in this cache. A server cannot name files of this machine, and
    /// a folder names no servers.
    pub(super) fn resolve(&self, reference: &str) -> Option<Url> {
        let mut url = self.base.join(reference).ok()?;
        forget_login(&mut url);
        let good = if self.is_web() { is_web(&url) } else { url.scheme() == "file" };
        good.then_some(url)
    }

    /// What is said to the server of `url`: nothing unless it is this one.
    pub(super) fn login_for(&self, url: &Url) -> Option<&Login> {
        self.login.as_ref().filter(|_| url.origin() == self.base.origin())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.name)
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

fn login(url: &Url) -> Option<Login> {
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let there = !url.username().is_empty() || url.password().is_some();
    there.then(|| Login { user: plain(url.username()), password: url.password().map(plain) })
}

fn forget_login(url: &mut Url) {
    // Both fail for URLs that can have no login.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(url: &str) -> Address {
        Address::new(&Url::parse(url).unwrap()).unwrap()
    }

    fn resolved(base: &str, reference: &str) -> Option<String> {
        address(base).resolve(reference).map(String::from)
    }

    #[test]
    fn a_reference_is_read_from_the_root_on() {
        for (base, reference, wanted) in [
            ("https://c.example", "nar/a.nar.xz", "https://c.example/nar/a.nar.xz"),
            ("https://c.example/team?priority=3#x", "nar/a.nar", "https://c.example/team/nar/a.nar"),
            ("https://c.example/team/", "nar/a.nar?hash=b", "https://c.example/team/nar/a.nar?hash=b"),
            ("https://c.example", "https://d.example/a", "https://d.example/a"),
            ("https://c.example", "//d.example/a", "https://d.example/a"),
            ("https://c.example", "https://u:p@d.example/a", "https://d.example/a"),
            ("file:///srv/cache", "nar/a.nar", "file:///srv/cache/nar/a.nar"),
        ] {
            assert_eq!(resolved(base, reference).as_deref(), Some(wanted), "{base} {reference}");
        }
    }

    #[test]
    fn no_server_names_files_of_this_machine() {
        for reference in ["file:///etc/passwd", "data:text/plain,x", "ftp://c.example/a", "http://"] {
            assert_eq!(resolved("https://c.example", reference), None, "{reference}");
        }
        assert_eq!(resolved("file:///srv/cache", "https://c.example/a"), None);
    }

    #[test]
    fn a_login_is_said_to_its_own_server_only() {
        let address = address("https://me:s%20t@c.example/team");
        let login = |url: &str| address.login_for(&Url::parse(url).unwrap()).cloned();
        let mine = Login { user: "me".to_owned(), password: Some("s t".to_owned()) };
        assert!(login("https://c.example/nar/a") == Some(mine));
        for url in ["http://c.example/", "https://c.example:444/", "https://d.example/"] {
            assert!(login(url).is_none(), "{url}");
        }
        assert_eq!(format!("{address:?} {}", address.name()), "Address(c.example/team) c.example/team");
    }

    #[test]
    fn only_servers_and_folders_are_caches() {
        for url in ["s3://bucket", "ssh://host", "data:x", "file://host/srv/cache"] {
            let error = Address::new(&Url::parse(url).unwrap()).unwrap_err();
            assert!(matches!(error, UpstreamError::Url(_)), "{url}");
        }
        let error = Address::new(&Url::parse("s3://me:secret@bucket").unwrap()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn no_reference_leads_out_of_its_kind(reference in ".{0,60}") {
            if let Some(url) = address("https://c.example/a").resolve(&reference) {
                prop_assert!(is_web(&url));
            }
            if let Some(url) = address("file:///srv").resolve(&reference) {
                prop_assert_eq!(url.scheme(), "file");
            }
        }
    }
}
