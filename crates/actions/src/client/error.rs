//! Why a cache service could not be used.

use std::time::Duration;

/// Characters of somebody else's message that are shown.
const SHOWN: usize = 300;

/// A request to a cache service, or to a blob of it, failed for good.
#[derive(Debug, thiserror::Error)]
#[error("could not {attempted}")]
pub struct ClientError {
    /// What was attempted, on what.
    pub attempted: String,
    /// Why it failed.
    #[source]
    pub reason: Reason,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// No connection, or it broke, or nothing came over it in time.
    #[error("the cache service cannot be reached")]
    Network(#[source] reqwest::Error),
    /// No answer within the time for all tries.
    #[error("the cache service did not answer within {} s", .0.as_secs())]
    Late(Duration),
    /// The service took no byte for so long.
    #[error("the cache service took nothing for {} s", .0.as_secs())]
    Stalled(Duration),
    /// The service is out of order.
    #[error("the cache service answered with status {status}: {message}")]
    Outage {
        /// The HTTP status, 500 or above.
        status: u16,
        /// What it said.
        message: String,
    },
    /// Too many requests, and the service asks to wait longer than the client does.
    #[error("the cache service is asked too often{}", .0.map(|wait| format!(", and wants a pause of {} s", wait.as_secs())).unwrap_or_default())]
    Limited(Option<Duration>),
    /// The token is not accepted, or not for this.
    #[error("the cache service refuses the token: {0}")]
    Denied(String),
    /// A blob that is not there any more, or whose URL has expired.
    #[error("it is not there any more, or its URL has expired (status {0})")]
    Gone(u16),
    /// The entry exists, or somebody else is saving it.
    #[error("the entry exists")]
    Taken,
    /// A request that the service cannot accept.
    #[error("the cache service refuses: {0}")]
    Refused(String),
    /// An answer that cannot be right.
    #[error("the cache service gave {0}")]
    Garbage(String),
    /// The client was set up wrongly.
    #[error("{0}")]
    Usage(String),
}

impl ClientError {
    pub(super) fn new(attempted: String, reason: Reason) -> Self {
        Self { attempted, reason }
    }

    /// Whether the service as a whole does not work now: another request would fail as well.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self.reason,
            Reason::Network(_)
                | Reason::Late(_)
                | Reason::Stalled(_)
                | Reason::Outage { .. }
                | Reason::Limited(_)
        )
    }

    /// Whether a blob is gone, so that its entry may be looked up again.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self.reason, Reason::Gone(_))
    }
}

/// Somebody else's message, cut short and without control characters.
pub(super) fn shown(message: &str) -> String {
    message.trim().chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}
