//! A server's address, with the right to call it.

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use url::Url;

use super::error::ClientError;
use super::urls::{self, Token};

/// Where a server is, and who calls it.
#[derive(Clone, Debug)]
pub(super) struct Access {
    base: Url,
    authorization: HeaderValue,
    token: Token,
}

impl Access {
    pub(super) fn new(url: &str, token: Token) -> Result<Self, ClientError> {
        let mut base = urls::parse(url.trim_ascii())?;
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let bad = || ClientError::Usage("the token is empty or has characters that no token has".to_owned());
        let text = token.expose();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad());
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| bad())?;
        authorization.set_sensitive(true);
        Ok(Self { base, authorization, token })
    }

    pub(super) fn host(&self) -> String {
        urls::host(&self.base)
    }

    /// `path` appended, so that a prefix of the base stays.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// The request, with the token.
    pub(super) fn admit(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(AUTHORIZATION, self.authorization.clone())
    }

    /// What must not be shown when a server repeats it.
    pub(super) fn secret(&self) -> &str {
        self.token.expose()
    }

    pub(super) fn token(&self) -> &Token {
        &self.token
    }
}
