//! Why a call of the cache service did not work.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;

use super::text::shown;

/// What was attempted, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    what: String,
    host: String,
}

impl Attempt {
    /// `verb` on the entry of `key`, if it is one, at `host`.
    #[must_use]
    pub fn new(verb: &str, key: Option<&str>, host: &str) -> Self {
        let what = key.map_or_else(|| verb.to_owned(), |key| format!("{verb} `{}`", shown(key, &[])));
        Self { what, host: host.to_owned() }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.what, self.host)
    }
}

/// A call that did not work. No message and no cause holds a token or the query of a URL.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It was asked for wrongly: a URL, a token or a range that cannot be used. Nothing was sent.
    #[error("{0}")]
    Usage(String),
    /// No connection came about, or it broke, until the patience was at its end.
    #[error("could not {attempt}: there was no connection or it broke")]
    Unreachable {
        /// What was attempted.
        attempt: Attempt,
        /// How the last connection failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing came, or nothing was taken, for too long.
    #[error("could not {attempt}: nothing moved for {} s", waited.as_secs_f32())]
    TimedOut {
        /// What was attempted.
        attempt: Attempt,
        /// How long the last wait was.
        waited: Duration,
    },
    /// The server failed (5xx, 408), again and again.
    #[error("could not {attempt}: the server answered {status}{message}")]
    Failed {
        /// What was attempted.
        attempt: Attempt,
        /// The last status.
        status: StatusCode,
        /// What the server said, cut, behind a colon; or nothing.
        message: String,
    },
    /// The server asks for fewer calls (429) than the patience lets wait.
    #[error("could not {attempt}: the server asks for fewer calls")]
    Limited {
        /// What was attempted.
        attempt: Attempt,
        /// The wait that the server asked for.
        retry_after: Option<Duration>,
    },
    /// The service does not believe the token or does not let it do this (401, 403).
    #[error("could not {attempt}: the server refused ({status}){message}")]
    Denied {
        /// What was attempted.
        attempt: Attempt,
        /// 401 or 403.
        status: StatusCode,
        /// What the server said, cut, behind a colon; or nothing.
        message: String,
    },
    /// There is no such thing, or the token may not know of it (404).
    #[error(
        "could not {attempt}: there is no such thing, or it is kept from this token (404 Not Found){message}"
    )]
    Missing {
        /// What was attempted.
        attempt: Attempt,
        /// What the server said, cut, behind a colon; or nothing.
        message: String,
    },
    /// The blob's URL is no longer good (401, 403, 404, 410): expired or evicted.
    #[error("could not {attempt}: the URL is no longer good ({status}){message}")]
    Gone {
        /// What was attempted.
        attempt: Attempt,
        /// The status.
        status: StatusCode,
        /// What the server said, cut, behind a colon; or nothing.
        message: String,
    },
    /// The server will not do it, and asking again would not help (another 4xx, or an `ok` that is false).
    #[error("could not {attempt}: the server answered {status}{message}")]
    Rejected {
        /// What was attempted.
        attempt: Attempt,
        /// The status.
        status: StatusCode,
        /// What the server said, cut, behind a colon; or nothing.
        message: String,
    },
    /// An answer that cannot be right.
    #[error("could not {attempt}: {why}")]
    Garbage {
        /// What was attempted.
        attempt: Attempt,
        /// What is wrong with the answer.
        why: String,
    },
    /// The file to upload could not be read.
    #[error("could not {attempt}: the file could not be read")]
    File {
        /// What was attempted.
        attempt: Attempt,
        /// How reading failed.
        #[source]
        source: std::io::Error,
    },
}

impl ClientError {
    /// Whether the server was not there or not well, so that another call would fail, too: no connection, no answer in
    /// time, 5xx, or too many calls.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Failed { .. } | Self::Limited { .. }
        )
    }

    /// Whether a blob is not there any more, or its URL has expired: its entry may be looked up again.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// Whether the same request may work a little later.
    pub(super) fn may_pass(&self) -> bool {
        self.is_outage()
    }
}
