//! How a client is set up.

use std::fmt;
use std::time::Duration;

use reqwest::redirect::Policy;

use super::{ClientError, Reason};

/// Redirects that are followed; the token goes to no other host.
const REDIRECTS: usize = 5;

/// What a client needs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The service's URL; it may have a path before the protocol's own.
    pub url: String,
    /// The job's token.
    pub token: Token,
    /// What the client calls itself.
    pub user_agent: String,
    /// How long it waits.
    pub patience: Patience,
}

/// A token that no message shows.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes the token.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// How long a client waits, and how often it tries.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// Without a byte in either direction.
    pub stall: Duration,
    /// How often a request is tried.
    pub attempts: u32,
    /// The pause after the first try; each is twice the one before, and up to half of it more by chance.
    pub pause: Duration,
    /// The longest pause, even when the service asks for a longer one with `Retry-After`.
    pub longest_pause: Duration,
    /// For a question and its answer with all tries; the transfer of a blob has no such bound.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            attempts: 5,
            pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
            total: Duration::from_secs(60),
        }
    }
}

impl Options {
    /// A client for questions and downloads, and one for uploads: an answer to these comes only after the last byte, and
    /// who sends looks himself whether bytes still go.
    pub(super) fn http(&self) -> Result<(reqwest::Client, reqwest::Client), ClientError> {
        let what = || format!("set up a client for {}", super::url::host(&self.url));
        let sendable = |text: &str| text.bytes().all(|byte| (0x21..0x7f).contains(&byte)) && !text.is_empty();
        if !sendable(self.token.expose()) {
            return Err(ClientError::new(what(), Reason::Usage("the token holds what no header can".into())));
        }
        // Fails only when another one was chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .user_agent(&self.user_agent)
                .connect_timeout(self.patience.connect)
                .redirect(Policy::limited(REDIRECTS))
        };
        let failed = |error: reqwest::Error| ClientError::new(what(), Reason::Network(error.without_url()));
        let asking = builder().read_timeout(self.patience.stall).build().map_err(failed)?;
        Ok((asking, builder().build().map_err(failed)?))
    }
}
