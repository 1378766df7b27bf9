//! The token and the URLs that are credentials themselves.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use url::Url;

use super::error::ClientError;
use crate::scope::Scopes;

/// A job's token. It is never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A token as the runner gives it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What the token says that it may read and write, if it is a runtime token and says so. Nothing is verified: this
    /// is a word of its own bearer's, to plan by, and what counts is what the service answers.
    #[must_use]
    pub fn scopes(&self) -> Option<Scopes> {
        self.says().scopes
    }

    /// All that the token says of itself; nothing of one that is no runtime token. Nothing is verified, as with
    /// [`scopes`](Self::scopes).
    #[must_use]
    pub fn says(&self) -> Says {
        #[derive(Deserialize)]
        struct Claims {
            ac: Option<String>,
            repository: Option<String>,
            exp: Option<u64>,
        }
        let claims = self.0.split('.').nth(1);
        let claims =
            claims.and_then(|claims| BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok());
        let claims: Option<Claims> = claims.and_then(|claims| serde_json::from_slice(&claims).ok());
        let Some(Claims { ac, repository, exp }) = claims else { return Says::default() };
        Says {
            scopes: ac.and_then(|ac| Scopes::from_ac(&ac).ok()),
            repository,
            expires: exp.and_then(|exp| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp))),
        }
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

/// What a token says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Says {
    /// What it may read and write.
    pub scopes: Option<Scopes>,
    /// Its repository; GitHub's tokens do not say.
    pub repository: Option<String>,
    /// When it ends to hold.
    pub expires: Option<SystemTime>,
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

macro_rules! blob_url {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Url);

        impl $name {
            /// Reads a URL as the service hands it out; it must be `http` or `https`.
            pub fn parse(text: &str) -> Result<Self, ClientError> {
                parse(text).map(Self)
            }

            pub(super) fn expose(&self) -> &Url {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}://{}{}", self.0.scheme(), host(&self.0), self.0.path())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

blob_url! {
    /// Where a found entry's bytes are. The query is a credential and is never shown.
    DownloadUrl
}
blob_url! {
    /// Where a reserved entry's bytes go. The query is a credential and is never shown.
    UploadUrl
}

/// Reads the URL of a service or of a blob. The text itself is in no error, for it may hold a credential.
pub(super) fn parse(text: &str) -> Result<Url, ClientError> {
    let url =
        Url::parse(text).map_err(|error| ClientError::Usage(format!("the URL is not valid: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(ClientError::Usage("the URL is not an http or https URL with a host".to_owned()));
    }
    Ok(url)
}

/// The host, and the port when it is not the scheme's.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The values that must not be shown when a server repeats them.
pub(super) fn secrets(url: &Url) -> Vec<String> {
    let mut secrets: Vec<String> = url.query().map(str::to_owned).into_iter().collect();
    let signatures = url.query_pairs().filter(|(name, _)| name == "sig").map(|(_, value)| value.into_owned());
    secrets.extend(signatures);
    let written = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.strip_prefix("sig="));
    secrets.extend(written.map(str::to_owned));
    secrets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_runtime_token_tells_its_scopes() {
        let claims = r#"{"ac":"[{\"Scope\":\"refs/heads/main\",\"Permission\":3}]"}"#;
        let token = Token::new(format!("head.{}.signature", BASE64_URL_SAFE_NO_PAD.encode(claims)));
        assert_eq!(token.scopes(), Some(Scopes::read_write("refs/heads/main")));
        for other in ["", "ghs_opaque", "a.b.c", "a.e30.c"] {
            assert_eq!(Token::new(other).scopes(), None, "{other}");
        }
        let claims = r#"{"repository":"a/b","exp":7}"#;
        let says = Token::new(format!("head.{}.signature", BASE64_URL_SAFE_NO_PAD.encode(claims))).says();
        let expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(7));
        assert_eq!(says, Says { scopes: None, repository: Some("a/b".into()), expires });
    }

    proptest! {
        #[test]
        fn arbitrary_tokens_never_panic(claims: Vec<u8>, text: String) {
            let _ = Token::new(format!("x.{}.x", BASE64_URL_SAFE_NO_PAD.encode(claims))).says();
            let _ = Token::new(text).says();
        }
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let url = DownloadUrl::parse("https://u:p@a.blob.core.windows.net/c/1?sv=1&sig=s3%2Bcret").unwrap();
        assert_eq!(url.to_string(), "https://a.blob.core.windows.net/c/1");
        assert_eq!(format!("{url:?}"), "DownloadUrl(https://a.blob.core.windows.net/c/1)");
        assert_eq!(format!("{:?}", Token::new("s3cret")), "Token(***)");
        assert_eq!(secrets(url.expose()), ["sv=1&sig=s3%2Bcret", "s3+cret", "s3%2Bcret"]);
        assert!(!UploadUrl::parse("nonsense?sig=s3cret").unwrap_err().to_string().contains("s3cret"));
        assert!(UploadUrl::parse("file:///etc/passwd").is_err());
    }
}
