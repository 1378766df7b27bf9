//! URLs: the service's, and the signed ones, which are secrets.

use std::fmt;

use url::Url;

use super::{ClientError, Reason};
use crate::twirp::SERVICE;

/// Where a blob can be fetched, for some time. Its query is a credential and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DownloadUrl(pub(super) Url);

/// Where a blob is to be put, for some time. Its query is a credential and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadUrl(pub(super) Url);

impl fmt::Debug for DownloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DownloadUrl({})", without_query(&self.0))
    }
}

impl fmt::Debug for UploadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UploadUrl({})", without_query(&self.0))
    }
}

impl DownloadUrl {
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

fn without_query(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// An http URL, or none.
pub(super) fn parse(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// The host of a service's URL, for messages.
pub(super) fn host(text: &str) -> String {
    parse(text).map_or_else(|| "the cache service".to_owned(), |url| url.origin().ascii_serialization())
}

/// The service's URL up to the method: its methods are added to the path that is there.
pub(super) fn service(text: &str) -> Result<Url, ClientError> {
    let wrong = || {
        let why = Reason::Usage("its URL is no http URL".to_owned());
        ClientError::new("use the cache service".to_owned(), why)
    };
    let mut url = parse(text).ok_or_else(wrong)?;
    let path = format!("{}{SERVICE}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_below_the_path_of_its_url() {
        for base in ["http://h:1", "http://h:1/", "http://h:1/?x#y"] {
            assert_eq!(service(base).unwrap().as_str(), format!("http://h:1{SERVICE}/"));
        }
        assert_eq!(service("https://h/a/b/").unwrap().as_str(), format!("https://h/a/b{SERVICE}/"));
        for base in ["", "h:1", "ftp://h", "/path", "http://"] {
            assert!(service(base).is_err(), "{base}");
        }
    }

    #[test]
    fn signed_urls_do_not_show_what_signs_them() {
        let url = parse("https://h/c/b?sig=secret").unwrap();
        let shown = format!("{:?} {:?}", DownloadUrl(url.clone()), UploadUrl(url));
        assert_eq!(shown, "DownloadUrl(https://h/c/b) UploadUrl(https://h/c/b)");
    }
}
