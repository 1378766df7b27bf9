//! How long and how often is tried.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::error::ClientError;

/// The wait before the second attempt, on average; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How long and how often a client tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection to come about.
    pub connect: Duration,
    /// Without a byte in either direction.
    pub stall: Duration,
    /// Attempts of one request. Bytes of a read that arrived start the count anew.
    pub attempts: u32,
    /// For a whole call; of an upload and of a read: since something moved. A wait that a server asks for
    /// (`Retry-After`) is granted within it.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            attempts: 5,
            total: Duration::from_secs(60),
        }
    }
}

/// The attempts of one request.
#[derive(Debug)]
pub(super) struct Pace {
    patience: Patience,
    deadline: Instant,
    failed: u32,
}

impl Pace {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, deadline: Instant::now() + patience.total, failed: 0 }
    }

    /// What remains for the next attempt.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Something moved: what failed before is forgotten.
    pub(super) fn moved(&mut self) {
        *self = Self::new(self.patience);
    }

    /// Something moved at `moment`: the deadline counts from there, the attempts stay counted.
    pub(super) fn alive(&mut self, moment: Instant) {
        self.deadline = self.deadline.max(moment + self.patience.total);
    }

    /// Waits before the next attempt, or gives the failure back when there is to be none.
    pub(super) async fn wait(&mut self, failure: Failure) -> Result<(), ClientError> {
        self.failed += 1;
        let Failure { error, retry_after } = failure;
        if !error.may_pass() || self.failed >= self.patience.attempts {
            return Err(error);
        }
        let wait = retry_after.unwrap_or_else(|| jittered(FIRST_WAIT * 2_u32.pow((self.failed - 1).min(16))));
        if wait >= self.left() {
            return Err(error);
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: ClientError,
    /// The wait that the server asked for.
    pub(super) retry_after: Option<Duration>,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self { error, retry_after: None }
    }
}

/// Half to one and a half times `wait`, so that many clients do not come back at the same moment.
fn jittered(wait: Duration) -> Duration {
    // Without randomness only the spread is lost.
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    wait.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX))
}

/// Reads `Retry-After`: seconds, or a date.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim_ascii();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    httpdate::parse_http_date(value).ok().map(|at| at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        assert_eq!(retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:20 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("-1", now), None);
        assert_eq!(retry_after("99999999999999", now), None);
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        for _ in 0..100 {
            let wait = jittered(Duration::from_secs(2));
            assert!((1.0..=3.0).contains(&wait.as_secs_f64()), "{wait:?}");
        }
    }
}
