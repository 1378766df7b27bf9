//! Trying again: what may work the next time, after a pause that grows.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::{ClientError, Patience, Reason};

/// What became of one try.
pub(super) enum Try<T> {
    /// It is over, well or not.
    Done(Result<T, Reason>),
    /// It may work the next time, after this pause if the service named one.
    Again(Reason, Option<Duration>),
}

/// Tries until it is over or the patience is. `deadline` also ends tries under way.
pub(super) async fn persist<T, F: Future<Output = Try<T>>>(
    patience: &Patience,
    deadline: Option<Duration>,
    attempted: &(dyn Fn() -> String + Sync),
    mut attempt: impl FnMut() -> F,
) -> Result<T, ClientError> {
    let trying = async {
        let mut pause = patience.pause;
        for left in (0..patience.attempts.max(1)).rev() {
            match attempt().await {
                Try::Done(done) => return done,
                Try::Again(reason, _) if left == 0 => return Err(reason),
                Try::Again(_, Some(wait)) if wait > patience.longest_pause => {
                    return Err(Reason::Limited(Some(wait)));
                }
                Try::Again(_, wait) => tokio::time::sleep(wait.unwrap_or(pause + jitter(pause / 2))).await,
            }
            pause = (pause * 2).min(patience.longest_pause);
        }
        // The last try always returns.
        Err(Reason::Limited(None))
    };
    let done = match deadline {
        None => trying.await,
        Some(deadline) => tokio::time::timeout(deadline, trying).await.unwrap_or(Err(Reason::Late(deadline))),
    };
    done.map_err(|reason| ClientError::new(attempted(), reason))
}

/// Up to `most`, so that the jobs of a matrix do not all come back at once.
fn jitter(most: Duration) -> Duration {
    let nanos =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    most.mul_f64(f64::from(nanos % 1000) / 1000.0)
}

/// Whether a status may be another one the next time. 408 and 429 say so themselves.
pub(super) fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// The pause that an answer asks for, in seconds or as a date.
pub(super) fn wanted_pause(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok(),
    }
}
