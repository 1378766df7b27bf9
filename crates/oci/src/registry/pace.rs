//! Not more requests than a registry takes.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Lets requests through at a rate, and none while the registry asked for silence.
#[derive(Debug)]
pub(super) struct Pace {
    /// The time that a request takes of the rate; none where there is no limit.
    gap: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the bucket will be full: a request may go while that is at most `burst` gaps ahead.
    full: Instant,
    quiet_until: Instant,
}

/// Requests that may go at once after a pause.
const BURST: u32 = 30;

impl Pace {
    /// `rate` is in requests a second.
    pub(super) fn new(rate: Option<u32>) -> Self {
        let gap = rate.map(|rate| Duration::from_secs(1) / rate.max(1));
        let now = Instant::now();
        Self { gap, state: Mutex::new(State { full: now, quiet_until: now }) }
    }

    /// Waits until a request may go.
    pub(super) async fn turn(&self) {
        let until = {
            let mut state = self.state.lock().await;
            let now = Instant::now();
            let mut until = state.quiet_until;
            if let Some(gap) = self.gap {
                state.full = state.full.max(now) + gap;
                until = until.max(state.full.checked_sub(gap * BURST).unwrap_or(now));
            }
            until
        };
        sleep_until(until).await;
    }

    /// No request goes for so long.
    pub(super) async fn quiet(&self, time: Duration) {
        let mut state = self.state.lock().await;
        state.quiet_until = state.quiet_until.max(Instant::now() + time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let pace = Pace::new(Some(30));
        let start = Instant::now();
        for _ in 0..BURST {
            pace.turn().await;
        }
        assert!(start.elapsed() < Duration::from_millis(10));
        for _ in 0..30 {
            pace.turn().await;
        }
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(990) && took < Duration::from_millis(1100), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_holds_for_everybody() {
        let pace = Pace::new(None);
        pace.quiet(Duration::from_secs(5)).await;
        let start = Instant::now();
        pace.turn().await;
        assert!(start.elapsed() >= Duration::from_secs(5));
        pace.turn().await;
        assert!(start.elapsed() < Duration::from_secs(6));
    }
}
