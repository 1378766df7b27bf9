//! Asking again for what failed.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::{Duration, Instant},
};

use super::{Failure, UpstreamOptions};

/// Bytes that count as progress: after them, attempts are counted anew.
const PROGRESS: u64 = 1 << 20;

/// The attempts to get one thing.
pub(super) struct Retry<'a> {
    options: &'a UpstreamOptions,
    failed: u32,
    /// When it began to fail.
    since: Option<Instant>,
    bytes: u64,
}

impl<'a> Retry<'a> {
    pub(super) fn new(options: &'a UpstreamOptions) -> Self {
        Self { options, failed: 0, since: None, bytes: 0 }
    }

    /// So many bytes came.
    pub(super) fn progress(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if self.bytes >= PROGRESS {
            *self = Self::new(self.options);
        }
    }

    /// Waits until it may be tried again; gives the failure back where it should not.
    pub(super) async fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        self.failed += 1;
        let pause = self.pause().max(failure.pause());
        let now = Instant::now();
        let silent = if let Failure::Stalled(silent) = failure { silent } else { Duration::ZERO };
        let since = *self.since.get_or_insert_with(|| now.checked_sub(silent).unwrap_or(now));
        let late = now.duration_since(since) + pause >= self.options.patience;
        if !failure.is_transient() || self.failed >= self.options.attempts || late {
            return Err(failure);
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Twice as long each time, and up to half as long again by chance: or all that failed at once would come back
    /// at once.
    fn pause(&self) -> Duration {
        let whole = self.options.backoff * 2_u32.saturating_pow((self.failed - 1).min(16));
        let chance = RandomState::new().hash_one(self.failed) % 1024;
        whole + whole * u32::try_from(chance).unwrap_or(0) / 2048
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> UpstreamOptions {
        UpstreamOptions { attempts: 3, backoff: Duration::from_micros(1), ..UpstreamOptions::default() }
    }

    fn stalled() -> Failure {
        Failure::Stalled(Duration::ZERO)
    }

    #[tokio::test]
    async fn attempts_are_counted_from_the_last_progress() {
        let options = options();
        let mut retry = Retry::new(&options);
        for _ in 0..3 {
            retry.after(stalled()).await.unwrap();
            retry.after(stalled()).await.unwrap();
            retry.progress(1 << 20);
        }
        retry.after(stalled()).await.unwrap();
        retry.progress(1 << 10);
        retry.after(stalled()).await.unwrap();
        retry.after(stalled()).await.unwrap_err();
    }

    #[tokio::test]
    async fn what_would_take_longer_than_the_patience_is_not_waited_for() {
        let options = options();
        let far = Some(Duration::from_secs(3600));
        let failure = Failure::Status { code: reqwest::StatusCode::TOO_MANY_REQUESTS, retry_after: far };
        Retry::new(&options).after(failure).await.unwrap_err();
    }

    #[tokio::test]
    async fn what_will_not_pass_is_not_tried_again() {
        let options = options();
        Retry::new(&options).after(Failure::Range).await.unwrap_err();
    }
}
