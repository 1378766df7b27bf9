//! Why something could not be had from a server or a folder.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use reqwest::{StatusCode, header::HeaderMap};

/// Why something could not be had from an upstream cache.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nothing that could speak HTTP, as where the system has no certificates.
    #[error("no HTTP client can be set up")]
    Client(#[source] Arc<SetUpProblem>),
    /// No connection, or it broke. No URL stands in it.
    #[error(transparent)]
    Http(reqwest::Error),
    /// Next to nothing came for so long.
    #[error("it sent next to nothing for {} seconds", .0.as_secs_f32())]
    Stalled(Duration),
    /// An answer that is neither the thing nor that it is not there.
    #[error("it answered {code}")]
    Status {
        /// The answer.
        code: StatusCode,
        /// How long the server wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// More than is read of such a thing.
    #[error("it sent more than {0} bytes")]
    TooLarge(u64),
    /// A content encoding that is unknown, or content that is not in it.
    #[error("it sent something in a content encoding that cannot be read: {0:?}")]
    Encoding(String),
    /// A range other than the one that was asked for.
    #[error("it went on elsewhere than at the byte that was asked for")]
    Range,
    /// A file of a cache in a folder.
    #[error("the file cannot be read")]
    File(#[source] io::Error),
}

/// Why there is no HTTP client.
#[derive(Debug, thiserror::Error)]
pub enum SetUpProblem {
    /// The certificates that were to be believed.
    #[error("cannot read the certificates in {}", file.display())]
    Certificates {
        /// The file that should hold them.
        file: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No good certificates, or something that the system lacks.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

impl Failure {
    /// The failure of a request, without its URL: that may hold what nobody else may know.
    pub(super) fn http(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }

    /// What an answer means that is no success.
    pub(super) fn status(code: StatusCode, headers: &HeaderMap) -> Self {
        let text = headers.get("retry-after").and_then(|value| value.to_str().ok());
        Self::Status { code, retry_after: text.and_then(retry_after) }
    }

    /// Whether the same may well succeed in a moment; as Nix sees it (`filetransfer.cc`).
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => !error.is_redirect() && !error.is_builder(),
            Self::Stalled(_) => true,
            Self::Status { code, .. } => match code.as_u16() {
                408 | 429 => true,
                501 | 505 | 511 => false,
                code => code >= 500,
            },
            _ => false,
        }
    }

    /// Whether it is the server or the way there that does not work.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Status { code, .. } => code.is_server_error() || self.is_transient(),
            Self::File(_) | Self::Client(_) => true,
            _ => self.is_transient(),
        }
    }

    /// Whether there is not even a server to talk to.
    pub(super) fn is_silence(&self) -> bool {
        match self {
            Self::Http(error) => error.is_connect(),
            Self::Stalled(_) | Self::Client(_) => true,
            _ => false,
        }
    }

    /// How long the server wants to be left alone.
    pub(super) fn pause(&self) -> Duration {
        match self {
            Self::Status { retry_after: Some(pause), .. } => *pause,
            _ => Duration::ZERO,
        }
    }
}

/// Seconds, or the time of a date from now (RFC 9110, section 10.2.3).
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(std::time::SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> Failure {
        Failure::status(StatusCode::from_u16(code).unwrap(), &HeaderMap::new())
    }

    #[test]
    fn what_may_pass_is_asked_for_again() {
        for code in [408, 429, 500, 502, 503, 504, 522] {
            assert!(status(code).is_transient() && status(code).is_outage(), "{code}");
        }
        for code in [400, 401, 407, 418] {
            assert!(!status(code).is_transient() && !status(code).is_outage(), "{code}");
        }
        assert!(!status(501).is_transient() && status(501).is_outage());
    }

    #[test]
    fn a_server_says_how_long_it_wants_to_be_left_alone() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let later = std::time::SystemTime::now() + Duration::from_secs(3600);
        assert!(retry_after(&httpdate::fmt_http_date(later)).unwrap() > Duration::from_secs(3000));
        for text in ["", "-1", "soon", "99999999999999999999999"] {
            assert_eq!(retry_after(text), None, "{text}");
        }
    }
}
