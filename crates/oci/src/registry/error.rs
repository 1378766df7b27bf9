//! Why a registry did not do something.

use std::time::Duration;

use reqwest::StatusCode;

use super::answer::Refusal;
use super::credentials::CredentialError;
use crate::destination::BlobError;
use crate::digest::Digest;

/// Why a registry did not do something. Secrets are in none of these.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No HTTP client can be made.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    /// The registry cannot be reached, or the connection broke.
    #[error("the registry cannot be reached, or the connection to it broke")]
    Connection(#[source] reqwest::Error),
    /// TLS did not come about.
    #[error("no safe connection to the registry comes about")]
    Tls(#[source] reqwest::Error),
    /// Nothing moved.
    #[error("nothing came from the registry for {} seconds", .0.as_secs_f32())]
    Stalled(Duration),
    /// It said no.
    #[error("{0}")]
    Refused(Refusal),
    /// It wants to know who asks, and there is nothing to say.
    #[error("the registry wants a login, and no credentials for it are known")]
    NoCredentials,
    /// The service that gives tokens said no.
    #[error("no token for the registry could be had")]
    Token(#[source] Box<Self>),
    /// Credentials cannot be had.
    #[error("the credentials for the registry cannot be had")]
    Credentials(#[from] CredentialError),
    /// An answer is larger than it may be.
    #[error("the registry's answer has more than {0} bytes")]
    TooLarge(u64),
    /// An answer is none that a registry gives.
    #[error("the registry's answer cannot be understood: {0}")]
    Protocol(String),
    /// Other bytes came, or were taken, than were asked for.
    #[error("the registry says {got} where {wanted} was meant")]
    WrongDigest {
        /// The digest of what was meant.
        wanted: Digest,
        /// What the registry says, or what came.
        got: String,
    },
    /// The bytes to send cannot be had.
    #[error("the blob cannot be made")]
    Blob(#[source] BlobError),
}

impl RegistryError {
    /// The status of the answer, where there was one.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::Token(inner) => inner.status(),
            _ => None,
        }
    }

    /// Whether trying again may help.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Stalled(_) => true,
            Self::Refused(refusal) => is_transient(refusal.status),
            Self::Token(inner) => inner.is_transient(),
            _ => false,
        }
    }

    /// How long the registry asked to be left alone.
    pub(super) fn asked_wait(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.wait,
            Self::Token(inner) => inner.asked_wait(),
            _ => None,
        }
    }

    /// Sorts what an HTTP client failed with; URLs may hold what is secret and are left out.
    pub(super) fn http(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if is_tls(&error) { Self::Tls(error) } else { Self::Connection(error) }
    }
}

/// Whether an answer of this status may be another one the next time.
pub(super) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// Whether the other side spoke no TLS, or none that is trusted.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return true;
        }
        // An I/O error does not give what it wraps as its source.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
